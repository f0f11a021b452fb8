"""The installed package tasksource, where there is one: it needs the library `datasets`."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from xstilts.tasks.tasksource.annotation import Annotation
from xstilts.tasks.tasksource.package import known_tasks, licence_of, package_version

RECORDED = Path(__file__).parents[2] / "fixtures" / "tasksource-0.1.1.json"
pytestmark = pytest.mark.skipif(not find_spec("tasksource"), reason="tasksource is not installed")


def test_the_recorded_table_is_that_of_the_package() -> None:
    if package_version() != "0.1.1":
        pytest.skip(f"tasksource {package_version()}; the table is of 0.1.1")
    known = known_tasks()
    for one in TypeAdapter(list[Annotation]).validate_json(RECORDED.read_bytes()):
        assert known[one.id] == one


def test_more_than_half_of_its_tasks_can_be_read() -> None:
    """324 of 575 in version 0.1.1; a change of the package would first be seen here."""
    known = known_tasks()
    readable = [one for one in known.values() if not one.problem]
    assert len(known) > 500
    assert len(readable) > 300
    counts = Counter(one.format for one in readable)
    assert counts["classification"] > 200
    assert counts["multiple_choice"] > 30
    assert counts["tagging"] > 5
    for one in readable:
        assert "/" in one.dataset
        assert {"label", "tags", "score"} & set(one.columns)
        assert all(column.paths or column.constant for column in one.columns.values())


def test_licences_are_those_that_the_package_has_recorded() -> None:
    assert licence_of("sciq") == "cc-by-nc-3.0"
