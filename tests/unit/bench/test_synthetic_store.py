"""The store that large plans are measured on is one in which nothing is left to do."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

import xstilts
from xstilts.testing.tiny import write_experiment

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def bench_is_importable(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(ROOT))
    with patch.dict(os.environ):  # importing bench sets variables such as HF_HUB_OFFLINE
        yield


def test_a_run_reads_each_manifest_once_and_does_nothing(
    tmp_path: Path, manifests: Counter[str]
) -> None:
    from bench.synthetic_store import write_store

    loaded = xstilts.load(str(write_experiment(tmp_path)), ["seeds=[0, 1, 2]"])
    compiled = write_store(tmp_path / "store", loaded)
    result = xstilts.run(loaded, tmp_path / "store")
    assert not result.done
    assert not result.failed
    assert set(manifests) >= set(compiled.plan.by_key)
    assert max(manifests.values()) == 1


def test_every_target_of_the_measured_store_has_results_and_gains(tmp_path: Path) -> None:
    from bench.scale import PRESET, SMALL
    from bench.synthetic_store import EXAMPLES, write_store

    loaded = xstilts.load(PRESET, [*SMALL, "languages=[en, de]", "seeds=[0]"])
    write_store(tmp_path / "store", loaded)
    results, gains = (read(loaded, tmp_path / "store") for read in (xstilts.results, xstilts.gains))
    targets = set(loaded.experiment.targets)
    assert set(results["target"]) == set(gains["target"]) == targets
    assert set(results["n"]) == {EXAMPLES}
