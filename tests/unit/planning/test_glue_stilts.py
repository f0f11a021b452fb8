"""The preset `glue-stilts`, and checkpoints chosen by evaluated examples."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.config.named_recipes import named_recipe
from xstilts.config.recipe import Recipes
from xstilts.planning.compile import compile_experiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.selection_split import selected_on_evaluated

GLUE = {"glue-rte", "mrpc", "stsb"}


@pytest.fixture
def preset(tmp_path: Path) -> str:
    """The preset with an encoder of known size, so that planning needs no network."""
    path = tmp_path / "glue.yaml"
    path.write_text(
        "name: glue\nextends: glue-stilts\nencoder: {name: e5-small-packaged, revision: null}\n"
    )
    return str(path)


def test_each_target_is_trained_with_and_without_its_own_intermediate_task(preset: str) -> None:
    cells = compile_experiment(xstilts.load(preset)).cells
    pairs = {(cell.intermediate, cell.target) for cell in cells}
    expected = {("none", target) for target in GLUE | {"copa"}}
    expected |= {("mnli", target) for target in GLUE} | {("socialiqa", "copa")}
    assert pairs == expected
    assert {(cell.language, cell.split) for cell in cells} == {("en", "dev")}
    assert {cell.metrics[0] for cell in cells if cell.target == "stsb"} == {"pearson"}


def test_the_preset_trains_with_the_published_recipe_of_its_encoder(preset: str) -> None:
    resolved = ResolvedExperiment(xstilts.load(preset))
    published = Recipes.model_validate(named_recipe("modernbert").recipes)
    targets = resolved.experiment.targets
    assert resolved.recipe(None) == published.intermediate
    for target in targets:
        own = published.tasks[target].model_dump(exclude_unset=True)
        assert resolved.recipe(target) == published.target.model_copy(update=own)
    rte = resolved.recipe("glue-rte")
    assert (rte.learning_rate, rte.epochs, rte.weight_decay) == (1e-5, 3, 1.0)
    assert {resolved.recipe(target).warmup_ratio for target in targets} == {0.1}


def test_the_preset_chooses_no_checkpoint_by_evaluated_examples(preset: str) -> None:
    assert not list(selected_on_evaluated(ResolvedExperiment(xstilts.load(preset))))
    best = xstilts.load(preset, ["recipes.target.checkpoint=best"])
    assert set(selected_on_evaluated(ResolvedExperiment(best))) == GLUE | {"copa"}


def test_choosing_by_a_part_of_train_is_no_choice_by_evaluated_examples(preset: str) -> None:
    apart = "{train: 'train[:90%]', dev: 'train[90%:]', test: dev}"
    changes = ["recipes.target.checkpoint=best", "eval_split=test", f"splits.stsb={apart}"]
    loaded = xstilts.load(preset, changes)
    assert "stsb" not in selected_on_evaluated(ResolvedExperiment(loaded))


def test_a_choice_by_evaluated_examples_is_warned_of(
    preset: str, caplog: pytest.LogCaptureFixture
) -> None:
    compile_experiment(xstilts.load(preset, ["recipes.target.checkpoint=best"]))
    assert (
        "glue-rte, mrpc, stsb, copa: the best checkpoint is chosen by examples that are evaluated"
        in caplog.text
    )
