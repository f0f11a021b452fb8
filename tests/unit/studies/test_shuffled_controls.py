"""Controls with shuffled labels are no tasks that a study asks about."""

from __future__ import annotations

from pathlib import Path

import xstilts
from xstilts.planning.measures import compile_measures
from xstilts.studies.study_data import single_tasks
from xstilts.testing.tiny import write_experiment

SETTINGS = "intermediate=[none, toy-kind, toy-kind-shuffled-labels, toy-tags-shuffled-labels]"


def test_a_control_is_no_task_of_a_study_or_measure(tmp_path: Path) -> None:
    loaded = xstilts.load(str(write_experiment(tmp_path)), [SETTINGS, "targets=[toy-search]"])
    assert list(single_tasks(loaded)) == ["toy-kind"]
    _, references = compile_measures(loaded, ["accuracy"])
    assert {reference.task for reference in references} == {"toy-kind"}
