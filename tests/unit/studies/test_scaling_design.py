"""The study `scaling`: nested mixtures of equal budgets are planned."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.variants import make_variant
from xstilts.studies import STUDIES
from xstilts.studies.base import Evidence
from xstilts.studies.scaling import STUDY
from xstilts.studies.scaling.design import MORE_TASKS, designed, doublings
from xstilts.studies.study_plan import plan_study
from xstilts.testing.scaling import SIX, compiled, experiment


@pytest.fixture(scope="module")
def six(toy_file: Path) -> LoadedExperiment:
    return experiment(toy_file, SIX, like="toy-same")


# what runs


def trainings(found: CompiledPlan) -> dict[str, Stage]:
    """Setting → its intermediate training with seed 0."""
    return {
        cell.intermediate: found.plan.by_key[cell.trained_by[0]]
        for cell in found.cells
        if cell.seed == 0 and cell.target == "toy-search" and cell.trained_by
    }


def examples(found: CompiledPlan, stage: Stage) -> dict[str, int]:
    """Task → how many of its rows a training asks for."""
    rows = {role: found.plan.by_key[key] for role, key in stage.inputs.items() if "train:" in role}
    return {role.split(":")[1]: int(one.params["limit"]) for role, one in rows.items()}


def test_sizes_double_and_end_with_all_tasks() -> None:
    assert doublings(6) == (1, 2, 4, 6)
    assert doublings(8) == (1, 2, 4, 8)
    assert doublings(3) == (1, 2, 3)
    assert doublings(4) == (1, 2, 3, 4)  # a curve needs four sizes


def test_the_unit_fills_whole_batches_of_what_the_tasks_have(
    six: LoadedExperiment, toy_file: Path
) -> None:
    assert designed(six).unit == 16  # 96 rows for six tasks
    assert designed(six).tasks == SIX
    assert [group.long for group in designed(six).groups] == [SIX[:3]]
    fewer = "task_limits={one: {train: 95}, five: {train: 50}}"
    limited = designed(experiment(toy_file, SIX, fewer, like="toy-same"))
    assert limited.unit == 16
    assert limited.groups[0].long == ("two", "three", "four")


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_planning_reads_no_data(name: str, toy_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(*_: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr("xstilts.tasks.user_tasks.named_rows", rows)
    planned = plan_study(STUDIES.get(name), experiment(toy_file, SIX, like="toy-same"))
    assert planned.parts


def test_the_plan_names_tasks_of_unknown_size(six: LoadedExperiment) -> None:
    assert designed(six).unknown == SIX
    (note,) = plan_study(STUDY, six).notes
    assert note.startswith("unknown size of one, two, three, four, five and six")


def test_tasks_of_unknown_size_need_a_limit(toy_file: Path) -> None:
    design = designed(experiment(toy_file, SIX, "limits={dev: 8}", like="toy-same"))
    assert (design.unit, design.groups) == (0, ())
    assert "one, two, three, four, five and six is unknown" in design.problem
    assert "limits.train" in design.problem


def test_a_limit_below_a_batch_for_each_task_is_said(toy_file: Path, tmp_path: Path) -> None:
    loaded = experiment(toy_file, SIX, "limits.train=40", like="toy-same")
    assert (designed(loaded).unit, STUDY.needs(loaded).variants) == (0, {})
    found = STUDY.answer(Evidence(loaded, Store(tmp_path), {}, {}, (), lambda key: None))
    assert "each task must have 8 training examples or more, and 3 of them 48" in found.summary
    assert "Raise `limits.train` or `task_limits` to 48" in found.summary
    assert "one 40, two 40" in found.summary
    enough = experiment(toy_file, SIX, "limits.train=48", like="toy-same")
    assert designed(enough).unit == 8


def test_of_many_tasks_six_are_taken_the_first_of_each_format_first() -> None:
    """The preset has thirteen; SNLI would need curves of its own, as XVNLI is trained on it."""
    loaded = xstilts.load("mini-studies")
    design = designed(loaded)
    tried = ("sick", "rte", "anli", "commonsenseqa", "squad-v1", "conll2000")
    assert design.tasks == tried
    assert set(design.passed_over) >= {"snli", "mrpc", "copa", "pan-x"}
    assert design.unit == 8
    assert [group.tasks for group in design.groups] == [tried]
    assert len(design.groups[0].long) == 3
    sizes = {point.size for point in design.groups[0].points if point.curve == MORE_TASKS}
    assert sizes == {1, 2, 3, 4, 5, 6}  # Shapley values need each
    needed = STUDY.needs(loaded).variants["data-6"].experiment
    assert {needed.task_limits[task].train for task in design.groups[0].long} == {48}
    caveats = list(design.caveats(loaded.experiment.targets))
    assert any(caveat.startswith("Of 13 single tasks 6 are used") for caveat in caveats)


def test_mixtures_are_nested_and_all_budgets_equal(six: LoadedExperiment, toy_file: Path) -> None:
    design, found = designed(six), compiled(toy_file, SIX)
    (group,) = design.groups
    mixtures = {point.tasks for point in group.points if point.curve == MORE_TASKS}
    assert len(group.orders) == 3
    assert {task for order in group.orders for task in order[:2]} == set(SIX)
    assert mixtures == {frozenset(order[:size]) for order in group.orders for size in range(1, 7)}
    for point in group.points:
        here = found[point.variant]
        taken = examples(here, trainings(here)[point.setting])
        assert set(taken) == point.tasks
        assert set(taken.values()) == {point.size * design.unit // len(point.tasks)}
        assert sum(-(-count // 8) for count in taken.values()) == 2 * point.size  # batches


def test_up_to_three_tasks_all_subsets_are_trained(toy_file: Path) -> None:
    (group,) = designed(experiment(toy_file, SIX[:3], like="toy-same")).groups
    assert len({p.tasks for p in group.points if p.curve == MORE_TASKS}) == 2**3 - 1


def test_variants_share_the_stages_that_agree(six: LoadedExperiment, toy_file: Path) -> None:
    own = {stage.key for stage in compile_experiment(six).plan.stages}
    found = compiled(toy_file, SIX)
    for one in found.values():
        assert {cell.key for cell in one.cells if cell.intermediate == "none"} <= own
    everything = "limits={train: 16, dev: 8}"
    same = experiment(toy_file, SIX, everything, "recipes.tasks.toy-kind.epochs=2", like="toy-same")
    again = make_variant(same, same.experiment.targets, same.experiment.intermediate, {"one": 16})
    assert compile_experiment(again).plan.stages == compile_experiment(same).plan.stages


def test_a_task_is_not_tried_for_the_target_that_trains_on_it(toy_file: Path) -> None:
    loaded = experiment(toy_file, ("toy-kind", *SIX[:3]), like="toy-same")
    searched, kind = designed(loaded).groups
    assert (searched.targets, searched.tasks) == (("toy-search",), ("toy-kind", *SIX[:3]))
    assert (kind.targets, kind.tasks) == (("toy-kind",), SIX[:3])
    own = compile_experiment(loaded).plan.by_key
    for name, variant in STUDY.needs(loaded).variants.items():
        for cell in compile_experiment(variant).cells:
            assert (cell.target == "toy-kind") == name.endswith("-group-2")
            assert not cell.same_data
            assert cell.intermediate != "none" or cell.key in own


def test_a_variant_keeps_no_word_of_targets_that_are_gone(toy_file: Path) -> None:
    loaded = experiment(
        toy_file,
        SIX,
        "languages=[en, xx]",
        "targets=[toy-kind, toy-search, home-intents]",
        "task_languages={home-intents: [de], toy-kind: [en, xx]}",
        "recipes.tasks={home-intents: {epochs: 1}, toy-kind: {epochs: 2}}",
        like="toy-same",
    )
    left = make_variant(loaded, ["toy-kind"], ["none", "one"], {"one": 8}).experiment
    assert set(left.task_languages) == set(left.recipes.tasks) == {"toy-kind"}
    assert left.recipes.tasks["toy-kind"].model_dump(exclude_unset=True) == {"epochs": 2}
    home = make_variant(loaded, ["home-intents"], ["none"], {}).experiment
    assert home.languages == ("en",)


def test_fewer_than_two_tasks_are_said(toy_file: Path, tmp_path: Path) -> None:
    loaded = experiment(toy_file, ("one",), "intermediate=[none, one]", like="toy-same")
    assert not STUDY.needs(loaded).variants
    found = STUDY.answer(Evidence(loaded, Store(tmp_path), {}, {}, (), lambda key: None))
    assert "two or more tasks" in found.summary
    assert "the experiment's single tasks are: one." in found.summary
