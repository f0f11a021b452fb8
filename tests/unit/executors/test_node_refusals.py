"""A run all of whose nodes were refused says so, and ends after a limit."""

from __future__ import annotations

import pytest

from xstilts.core.errors import ConfigError
from xstilts.executors.node_refusals import LIMIT_SECONDS, REPORT_SECONDS, NodeRefusals


@pytest.fixture
def refusals() -> NodeRefusals:
    made = NodeRefusals()
    made.add("n1", "host-a: another torch")
    made.add("n2", "host-b: does not see the store")
    return made


def test_refused_nodes_are_named_when_the_run_ends(refusals: NodeRefusals) -> None:
    refusals.check(LIMIT_SECONDS - 1, ["n1", "n2"])
    with pytest.raises(ConfigError) as error:
        refusals.check(LIMIT_SECONDS + 1, ["n1", "n2"])
    for text in ("host-a", "another torch", "host-b", "does not see the store"):
        assert text in str(error.value)


@pytest.mark.parametrize("nodes", [["n1", "n2", "n3"], ["n3"]])
def test_a_node_that_was_not_refused_is_waited_for(
    refusals: NodeRefusals, nodes: list[str]
) -> None:
    refusals.check(10 * LIMIT_SECONDS, nodes)


def test_a_cluster_without_nodes_and_refusals_may_grow() -> None:
    NodeRefusals().check(10 * LIMIT_SECONDS, [])


def test_waiting_is_reported_once_until_a_worker_has_started(
    refusals: NodeRefusals, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    refusals.check(REPORT_SECONDS - 1, ["n3"])
    assert not caplog.records
    for seconds in (REPORT_SECONDS + 1, REPORT_SECONDS + 2, 0.0, REPORT_SECONDS + 1):
        refusals.check(seconds, ["n3"])
    assert len(caplog.records) == 2
    caplog.clear()
    refusals.check(0.0, ())
    refusals.check(REPORT_SECONDS + 1, ["n1", "n2"])
    assert "every node was refused" in caplog.text
