"""Targets that are trained on several tasks one after the other: `train_task: {t: a > b}`."""

from __future__ import annotations

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.stage import Stage
from xstilts.planning.compile import CompiledPlan, ResultCell, compile_experiment
from xstilts.planning.variants import make_variant
from xstilts.reports.official_protocols import protocol_notes, target_trainings
from xstilts.studies.scaling.design import designed
from xstilts.tasks.benchmarks import XTREME, XTREME_R

KEPT = "train_task={xcopa: socialiqa > copa}"


def load(*changes: str, intermediate: str = "none, mnli") -> LoadedExperiment:
    return xstilts.load(
        "home",
        [
            "targets=[xcopa]",
            "languages=[et]",
            "seeds=[0]",
            f"intermediate=[{intermediate}]",
            *changes,
        ],
    )


def cell_of(compiled: CompiledPlan, setting: str) -> ResultCell:
    (cell,) = (cell for cell in compiled.cells if cell.intermediate == setting)
    return cell


def trainings(compiled: CompiledPlan, setting: str) -> list[Stage]:
    return [compiled.plan.by_key[key] for key in cell_of(compiled, setting).trained_by]


def tasks_of(stages: list[Stage]) -> list[str]:
    return ["+".join(stage.params["tasks"]) for stage in stages]


def notes(*changes: str, intermediate: str = "none, mnli") -> list[str]:
    loaded = load(*changes, intermediate=intermediate)
    return list(protocol_notes(compile_experiment(loaded), XTREME_R))


@pytest.mark.parametrize("setting", ["none", "mnli"])
def test_each_training_of_a_chain_starts_from_the_one_before(setting: str) -> None:
    compiled = compile_experiment(load(KEPT))
    stages = trainings(compiled, setting)
    chain = ["socialiqa", "copa"]
    assert tasks_of(stages) == (chain if setting == "none" else ["mnli", *chain])
    bases = [stage.inputs.get("base") for stage in stages]
    assert bases == [None, *(stage.key for stage in stages[:-1])]
    own = [compiled.plan.by_key[key] for key in cell_of(compiled, setting).target_trainings]
    assert tasks_of(own) == chain


def test_all_trainings_of_a_chain_have_the_recipe_of_the_target() -> None:
    loaded = load(KEPT, "recipes.tasks.xcopa.learning_rate=0.5")
    stages = trainings(compile_experiment(loaded), "mnli")
    rates = [stage.params["recipe"]["learning_rate"] for stage in stages]
    assert rates == [pytest.approx(1e-4), 0.5, 0.5]


def test_the_last_training_alone_has_the_keys_of_a_target_without_a_chain() -> None:
    alone = compile_experiment(load("train_task={xcopa: copa}"))
    assert alone == compile_experiment(load())
    assert tasks_of(trainings(alone, "none")) == ["copa"]


def test_a_setting_with_a_task_of_the_chain_has_the_targets_data() -> None:
    both = "none, socialiqa"
    kept = compile_experiment(load(KEPT, intermediate=both))
    dropped = compile_experiment(load(intermediate=both))
    assert cell_of(kept, "socialiqa").same_data
    assert not cell_of(dropped, "socialiqa").same_data


def test_a_search_of_recipes_starts_after_the_chain() -> None:
    loaded = load(KEPT, "search={learning_rate: [1e-5, 2e-5], targets: [xcopa]}")
    compiled = compile_experiment(loaded)
    first, last = trainings(compiled, "none")
    choice = compiled.plan.by_key[last.inputs["recipe"]]
    trials = [compiled.plan.by_key[key] for key in choice.inputs.values()]
    assert {trial.inputs["base"] for trial in trials} == {first.key}


def test_variants_keep_the_chain() -> None:
    compiled = compile_experiment(make_variant(load(KEPT), ["xcopa"], ["none"], {"mnli": 64}))
    assert tasks_of(trainings(compiled, "none")) == ["socialiqa", "copa"]


def test_scaling_uses_no_task_of_the_chain() -> None:
    singles = "none, mnli, socialiqa, sick, snli"
    kept = designed(load(KEPT, intermediate=singles))
    dropped = designed(load(intermediate=singles))
    assert "socialiqa" not in kept.groups[0].tasks
    assert "socialiqa" in dropped.groups[0].tasks


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("none > copa", "trains nothing"),
        ("socialiqa >", "not a task"),
        ("tatoeba > copa", "not trained"),
        ("copa > socialiqa", "cannot be trained on"),
    ],
)
def test_a_wrong_chain_is_refused_at_plan(chain: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        compile_experiment(load(f"train_task={{xcopa: {chain}}}"))


def test_an_unknown_task_of_a_chain_is_named() -> None:
    with pytest.raises(UnknownNameError, match="socialiqa"):
        compile_experiment(load("train_task={xcopa: socialiq > copa}"))


def test_the_report_says_that_the_official_intermediate_task_is_kept() -> None:
    (note,) = notes(KEPT)
    assert "trains on socialiqa, then copa, and so does this experiment" in note


def test_the_report_says_that_the_official_intermediate_task_is_dropped() -> None:
    (note,) = notes()
    assert "socialiqa is dropped" in note
    assert "official protocol" not in note
    (note,) = notes(intermediate="none, socialiqa")
    assert "the setting socialiqa is the official protocol" in note


def test_retrieval_that_is_trained_where_the_benchmark_does_not_is_named() -> None:
    plain = ["targets=[tatoeba]", "languages=[de]", "intermediate=[none, mnli]"]
    frozen = compile_experiment(xstilts.load("home", plain))
    trained = compile_experiment(xstilts.load("home", [*plain, "train_task={tatoeba: squad-v1}"]))
    assert target_trainings(frozen, "tatoeba") == ()
    assert target_trainings(trained, "tatoeba") == ("squad-v1",)
    assert list(protocol_notes(frozen, XTREME)) == []
    (note,) = protocol_notes(trained, XTREME)
    assert "XTREME uses the encoder without training; this experiment trains on squad-v1" in note
    (note,) = protocol_notes(trained, XTREME_R)
    assert note.endswith("and so does this experiment.")
    (note,) = protocol_notes(frozen, XTREME_R)
    assert note.endswith("this experiment uses the encoder without training.")
