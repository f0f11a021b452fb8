"""The preset `xtreme-r`: its targets, languages, trainings and recipes."""

from __future__ import annotations

import pytest

import xstilts
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.reports.official_protocols import protocol_notes, target_trainings
from xstilts.studies.scaling.design import designed
from xstilts.tasks.benchmarks import XTREME_R
from xstilts.tasks.suites import SUITES


@pytest.fixture(scope="module")
def compiled() -> CompiledPlan:
    return compile_experiment(xstilts.load("xtreme-r", ["intermediate=[none]", "seeds=[0]"]))


def test_every_task_is_evaluated_in_the_languages_of_the_benchmark(compiled: CompiledPlan) -> None:
    languages: dict[str, set[str]] = {}
    for cell in compiled.cells:
        languages.setdefault(cell.target, set()).add(cell.language)
    assert languages == {task: set(codes) for task, codes in XTREME_R.languages.items()}
    assert all(cell.split == "test" for cell in compiled.cells)
    metrics = {cell.target: cell.metrics for cell in compiled.cells}
    assert all(XTREME_R.metrics[task] in names for task, names in metrics.items())


def test_the_trainings_of_the_benchmark_are_kept(compiled: CompiledPlan) -> None:
    assert {task: target_trainings(compiled, task) for task in XTREME_R.protocol} == {
        "xcopa": ("socialiqa", "copa"),
        "tatoeba": ("squad-retrieval",),
        "mewsli-x": ("mewsli-x-pairs",),
        "lareqa-xquad-r": ("squad-retrieval",),
    }
    kept = {note.partition(":")[0]: note for note in protocol_notes(compiled, XTREME_R)}
    same = {task for task, note in kept.items() if note.endswith("so does this experiment.")}
    assert same == {"xcopa", "mewsli-x", "lareqa-xquad-r"}
    assert "trains on squad-v1; this experiment trains on squad-retrieval" in kept["tatoeba"]


def test_tatoeba_and_lareqa_share_their_training(compiled: CompiledPlan) -> None:
    trained = {
        cell.target_trainings
        for cell in compiled.cells
        if cell.target in ("tatoeba", "lareqa-xquad-r")
    }
    assert len(trained) == 1


def test_recipes_are_those_of_the_scripts_for_xlm_r_large() -> None:
    recipes = xstilts.load("xtreme-r").experiment.recipes
    rates = {task: changes.learning_rate for task, changes in recipes.tasks.items()}
    own = {task: rate for task, rate in rates.items() if rate is not None}
    assert recipes.target.learning_rate == 2e-5
    assert own == dict.fromkeys(("xnli", "xcopa", "xquad", "mlqa", "tydiqa"), 3e-5) | {
        "mewsli-x": 1e-5
    }


def test_dropping_the_intermediate_task_of_xcopa_is_one_option() -> None:
    changes = ["intermediate=[none]", "seeds=[0]", "targets=[xcopa]", "recipes.tasks=null"]
    changes += ["train_task={xcopa: copa}"]
    dropped = compile_experiment(xstilts.load("xtreme-r", changes))
    (note,) = protocol_notes(dropped, XTREME_R)
    assert "socialiqa is dropped" in note


def test_scaling_compares_tasks_on_every_target() -> None:
    design = designed(xstilts.load("xtreme-r"))
    assert {target for group in design.groups for target in group.targets} == set(XTREME_R.tasks)
    for group in design.groups:
        assert len(group.tasks) >= 2
        assert group.long
        if "lareqa-xquad-r" in group.targets:
            assert "squad-v1" not in group.tasks


def test_the_suite_has_all_tasks_and_what_they_are_trained_on(compiled: CompiledPlan) -> None:
    suite = SUITES["xtreme-r"]
    trained = {
        name for task in XTREME_R.protocol for name in target_trainings(compiled, task) or ()
    }
    assert set(XTREME_R.tasks) <= set(suite.tasks)
    assert trained == set(suite.training)
