"""The preset `xtreme-r-mini`: targets of XTREME-R, and tasks that the study `scaling` can use."""

from __future__ import annotations

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.studies.scaling.design import MORE_TASKS, designed
from xstilts.tasks import TASKS
from xstilts.tasks.benchmarks import XTREME_R


@pytest.fixture
def preset() -> LoadedExperiment:
    return xstilts.load("xtreme-r-mini")


def test_targets_are_those_of_xtreme_r_that_local_data_can_score(preset: LoadedExperiment) -> None:
    targets = set(preset.experiment.targets)
    assert set(XTREME_R.tasks) - targets == {"tydiqa", "mewsli-x"}
    assert targets < set(XTREME_R.tasks)
    for target, codes in preset.experiment.task_languages.items():
        assert set(codes) <= set(XTREME_R.languages[target]), target


def test_retrieval_is_fine_tuned_on_squad(preset: LoadedExperiment) -> None:
    resolved = ResolvedExperiment(preset)
    for target in ("tatoeba", "lareqa-xquad-r"):
        assert resolved.train_ref(TASKS.get(target)).task == "squad-retrieval"


def test_scaling_compares_all_orders_of_three_tasks_at_full_batches(
    preset: LoadedExperiment,
) -> None:
    design = designed(preset)
    assert design.tasks == ("sick", "socialiqa", "conll2000")
    assert design.unit == 24
    (group,) = design.groups
    assert len(group.orders) == 6
    assert len(group.long) == 3
    assert {point.size for point in group.points if point.curve == MORE_TASKS} == {1, 2, 3}
