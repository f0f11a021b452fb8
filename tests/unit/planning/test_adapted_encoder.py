"""`encoder.adapted_by`: one training from which everything else starts."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.recipe import Recipe
from xstilts.core.errors import ConfigError
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.measures import compile_measures
from xstilts.testing.tiny import write_experiment

CHANGES = ["targets=[toy-kind, toy-search]", "intermediate=[none, toy-tags]", "seeds=[0, 1]"]


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_experiment(tmp_path_factory.mktemp("adapted"))


def compiled(experiment: Path, *changes: str) -> CompiledPlan:
    return compile_experiment(xstilts.load(str(experiment), [*CHANGES, *changes]))


def adaptations(plan: CompiledPlan) -> list[str]:
    return [stage.key for stage in plan.plan.stages if stage.label.startswith("adapt ")]


def test_every_training_and_vector_starts_from_one_adaptation(experiment: Path) -> None:
    plan = compiled(experiment, "encoder.adapted_by=toy-tags")
    (adapted,) = adaptations(plan)
    readers = [stage for stage in plan.plan.stages if stage.kind in ("train", "embed")]
    first = [stage for stage in readers if "base" not in stage.inputs]
    assert [stage.key for stage in first] == [adapted]
    assert sum(stage.inputs.get("base") == adapted for stage in readers) > 4


def test_the_adaptation_is_no_part_of_a_setting(experiment: Path) -> None:
    plan = compiled(experiment, "encoder.adapted_by=toy-tags")
    (adapted,) = adaptations(plan)
    assert all(adapted not in cell.trained_by for cell in plan.cells)
    assert {cell.intermediate for cell in plan.cells} == {"none", "toy-tags"}
    assert all(cell.encoder.endswith(" > toy-tags") for cell in plan.cells)


def test_a_chain_of_adaptations_is_trained_in_order(experiment: Path) -> None:
    plan = compiled(experiment, "encoder.adapted_by=toy-tags > toy-kind", "intermediate=[none]")
    first, second = adaptations(plan)
    assert plan.plan.by_key[second].inputs["base"] == first


def test_the_adaptation_has_its_own_recipe(experiment: Path) -> None:
    changes = ["encoder.adapted_by=toy-tags", "recipes.adaptation={learning_rate: 5.0e-4}"]
    (adapted,) = adaptations(compiled(experiment, *changes))
    plan = compiled(experiment, *changes).plan
    assert plan.by_key[adapted].params["recipe"]["learning_rate"] == 5e-4
    assert Recipe().learning_rate != 5e-4
    with pytest.raises(ConfigError, match="adaptation"):
        compiled(experiment, changes[1])


def test_measures_read_the_adapted_encoder(experiment: Path) -> None:
    loaded = xstilts.load(str(experiment), [*CHANGES, "encoder.adapted_by=toy-tags"])
    stages, _ = compile_measures(loaded, ["textemb"])
    vectors = [stage for stage in stages if stage.kind == "represent"]
    assert vectors
    assert all("base" in stage.inputs for stage in vectors)


@pytest.mark.parametrize("given", ["none", "no-such-task"])
def test_an_encoder_is_adapted_by_a_task(experiment: Path, given: str) -> None:
    with pytest.raises(ConfigError, match="adapted_by|no-such-task"):
        compiled(experiment, f"encoder.adapted_by={given}")
