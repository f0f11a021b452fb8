"""bf16 in predictions and vectors: only where an experiment says so, and then in the keys."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.planning.compile import compile_experiment

FEW = "few_shot={examples: [2], split: 'test[:50%]', recipe: {precision: bf16}}"
HALF = "splits={toy-kind: {test: 'test[50%:]'}}"


def precisions(toy_file: Path, kind: str, *changes: str) -> dict[str, str | None]:
    """Label → the parameter `precision`."""
    stages = compile_experiment(xstilts.load(str(toy_file), changes)).plan.stages
    return {one.label: one.params.get("precision") for one in stages if one.kind == kind}


def keys(toy_file: Path, *changes: str) -> dict[str, str]:
    stages = compile_experiment(xstilts.load(str(toy_file), changes)).plan.stages
    return {one.label: one.key for one in stages if one.kind in ("predict", "embed")}


def test_predictions_of_a_target_trained_in_bf16_are_in_bf16(toy_file: Path) -> None:
    changed = precisions(toy_file, "predict", "recipes.target.precision=bf16")
    assert changed
    assert set(changed.values()) == {"bf16"}


@pytest.mark.parametrize("precision", ["auto", "fp32", "tf32"])
def test_predictions_have_no_parameter_for_other_precisions(toy_file: Path, precision: str) -> None:
    changed = precisions(toy_file, "predict", f"recipes.target.precision={precision}")
    assert set(changed.values()) == {None}


def test_few_shot_predictions_have_the_precision_of_their_training(toy_file: Path) -> None:
    changed = precisions(toy_file, "predict", "targets=[toy-kind]", FEW, HALF)
    few_shot = {label: value for label, value in changed.items() if "2 shots" in label}
    assert set(few_shot.values()) == {"bf16"}
    assert {changed[label] for label in changed.keys() - few_shot.keys()} == {None}


def test_bf16_of_intermediate_training_is_not_that_of_predictions(toy_file: Path) -> None:
    changed = precisions(toy_file, "predict", "recipes.intermediate.precision=bf16")
    assert set(changed.values()) == {None}


def test_sentence_vectors_are_in_bf16_only_if_retrieval_says_so(toy_file: Path) -> None:
    search = "targets=[toy-search]"
    trained = precisions(toy_file, "embed", search, "recipes.target.precision=bf16")
    assert set(trained.values()) == {None}
    chosen = precisions(toy_file, "embed", search, "retrieval.precision=bf16")
    assert set(chosen.values()) == {"bf16"}
    assert keys(toy_file, search) == keys(toy_file, search, "retrieval.precision=fp32")


def test_a_record_without_the_key_keeps_its_digest(toy_file: Path) -> None:
    loaded = xstilts.load(str(toy_file), [])
    assert "precision" not in loaded.experiment.model_dump()["retrieval"]
