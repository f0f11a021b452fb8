"""Fields without effect do not change keys, and have no effect on the bytes of a training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.formats import FORMATS
from xstilts.formats.base import HeadShape
from xstilts.formats.spec import FormatSpec
from xstilts.planning.compile import compile_experiment
from xstilts.planning.relevant_fields import PUBLISHED, relevant_recipe
from xstilts.testing.measures import run_stages

TRAINED = [name for name in FORMATS if FORMATS.get(name).training]
SPAN = ("doc_stride", "max_query_length", "n_best", "max_answer_length")
CONTRASTIVE = ("contrastive_temperature", "contrastive_similarity", "contrastive_symmetric")
ALWAYS = (
    *("learning_rate", "epochs", "max_steps", "batch_size", "gradient_accumulation_steps"),
    *("max_length", "warmup_steps", "weight_decay", "adam_beta2", "adam_epsilon", "max_grad_norm"),
    *("eval_steps", "checkpoint", "max_task_size", "precision", "compile"),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "learning_rate": st.floats(1e-6, 1e-2),
    "head_learning_rate": st.floats(1e-6, 9e-3),
    "epochs": st.floats(0.5, 9),
    "max_steps": st.integers(1, 999),
    "batch_size": st.integers(1, 99),
    "gradient_accumulation_steps": st.integers(1, 9),
    "max_length": st.integers(8, 500),
    "doc_stride": st.integers(1, 60),
    "max_query_length": st.integers(4, 60),
    "n_best": st.integers(1, 99),
    "max_answer_length": st.integers(1, 99),
    "null_score_diff_threshold": st.floats(-9, 9),
    "warmup_ratio": st.floats(0.01, 0.9),
    "warmup_steps": st.integers(0, 99),
    "weight_decay": st.floats(0, 0.5),
    "adam_beta2": st.floats(0.9, 0.9999),
    "adam_epsilon": st.floats(1e-9, 1e-4),
    "max_grad_norm": st.floats(0.1, 9),
    "dropout": st.floats(0, 0.5),
    "num_evals": st.integers(1, 20),
    "eval_steps": st.integers(1, 999),
    "checkpoint": st.sampled_from(["best", "last"]),
    "patience": st.integers(1, 29),
    "max_task_size": st.integers(1, 9999),
    "temperature": st.floats(0.5, 9),
    "sampling": st.sampled_from(["proportional", "uniform"]),
    "mlm_share": st.floats(0.31, 0.9),
    "mask_prob": st.floats(0.01, 0.9),
    "retrieval_query_length": st.integers(4, 200),
    "contrastive_temperature": st.floats(0.01, 1),
    "contrastive_similarity": st.sampled_from(["cosine", "dot"]),
    "contrastive_symmetric": st.booleans(),
    "precision": st.sampled_from(["auto", "fp32", "tf32", "bf16"]),
    "nan_retry": st.sampled_from(["fp32", "none"]),
    "compile": st.booleans(),
}
FIELDS = sorted(VALUES)


def has_effect(field: str, recipe: Recipe, names: tuple[str, ...]) -> bool:
    """Whether a field matters for a training on tasks of these formats, as its description says."""
    texts = sum(name == "masked_lm" for name in names)
    counted = (len(names) - texts) or texts
    contrastive = {"dual_encoder", "image_retrieval"} & set(names)
    rules = {
        "null_score_diff_threshold": "span" in names,
        "retrieval_query_length": "dual_encoder" in names,
        "mask_prob": bool(texts),
        "mlm_share": 0 < texts < len(names),
        "temperature": counted > 1 and recipe.sampling == "proportional",
        "sampling": counted > 1,
        "dropout": not set(names) <= {"dual_encoder", "image_retrieval", "masked_lm"},
        "head_learning_rate": set(names) != {"dual_encoder"},
        "warmup_ratio": recipe.warmup_steps is None,
        "num_evals": recipe.eval_steps is None,
        "patience": recipe.checkpoint == "best",
        "nan_retry": recipe.precision in ("auto", "bf16"),
        **dict.fromkeys(SPAN, "span" in names),
        **dict.fromkeys(CONTRASTIVE, bool(contrastive)),
        **dict.fromkeys(ALWAYS, True),
    }
    return rules[field]


def key_of(recipe: Recipe, names: tuple[str, ...]) -> str:
    formats = [FORMATS.get(name) for name in names]
    params = {"recipe": relevant_recipe(recipe, formats).key_params(), "formats": list(names)}
    return Stage("train", 6, params, {}, "").key


def check_one_change(data: st.DataObject) -> None:
    """A change of one field changes the key of a training if, and only if, it has an effect."""
    names = tuple(data.draw(st.lists(st.sampled_from(TRAINED), min_size=1, max_size=3)))
    given_fields = data.draw(st.lists(st.sampled_from(FIELDS), max_size=6, unique=True))
    values = {name: data.draw(VALUES[name]) for name in given_fields}
    recipe = Recipe.model_validate(values)
    field = data.draw(st.sampled_from(FIELDS))
    changed = recipe.model_copy(update={field: data.draw(VALUES[field])})
    if getattr(changed, field) == getattr(recipe, field):
        return
    published = {getattr(one, field) for one in (recipe, changed)} & set(PUBLISHED.get(field, ()))
    before, after = key_of(recipe, names), key_of(changed, names)
    if has_effect(field, recipe, names):
        assert before != after, (field, names)
    elif not published:
        # a field that decides on others can change what these are, and has an effect itself
        assert before == after, (field, names)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_field_changes_the_key_of_a_training_if_it_has_an_effect(data: st.DataObject) -> None:
    check_one_change(data)


@pytest.mark.faults
@settings(max_examples=1000, deadline=None)
@given(st.data())
def test_a_thousand_changes_of_fields_change_keys_if_they_have_an_effect(
    data: st.DataObject,
) -> None:
    check_one_change(data)


def test_every_field_of_a_recipe_is_tested() -> None:
    assert set(Recipe.model_fields) - set(FIELDS) == {
        *("answer_text", "lora"),  # not in keys of trainings; each of its values has an effect
        *("checkpoint_minutes", "gradient_checkpointing"),  # in no key
    }


@pytest.mark.parametrize("name", TRAINED)
def test_heads_have_the_dropout_weights_and_pooling_that_their_format_says(name: str) -> None:
    training = FORMATS.get(name).training
    assert training is not None
    images = {"image_width": 8, "image_tokens": 4} if training.images else {}
    shape = HeadShape(name, 3, 0.25, "mean", tied_width=16, **images)
    head = training.head(16, shape)
    assert training.has_dropout == any(isinstance(one, torch.nn.Dropout) for one in head.modules())
    assert training.has_weights == bool(list(head.parameters()))
    other = training.head(16, dataclasses.replace(shape, pooling="cls"))
    assert training.pools == (_settings(head) != _settings(other))


def _settings(head: torch.nn.Module) -> list[str]:
    return sorted(str(value) for value in vars(head).values() if isinstance(value, str))


# the toy experiment


def unused_by(formats: tuple[FormatSpec, ...], values: dict[str, Any]) -> dict[str, Any]:
    recipe = Recipe()
    names = tuple(spec.name for spec in formats)
    return {name: value for name, value in values.items() if not has_effect(name, recipe, names)}


OTHER: dict[str, Any] = {
    "doc_stride": 17, "max_query_length": 9, "n_best": 3, "max_answer_length": 5,
    "null_score_diff_threshold": 2.5, "temperature": 7.0, "sampling": "uniform", "mlm_share": 0.7,
    "mask_prob": 0.4, "retrieval_query_length": 11, "contrastive_temperature": 0.5,
    "contrastive_similarity": "dot", "contrastive_symmetric": True,
}  # fmt: skip


def single_stage(loaded: LoadedExperiment) -> tuple[Stage, Plan]:
    plan = compile_experiment(loaded).plan
    return next(one for one in plan.stages if one.label == "train toy-tags (baseline) seed 0"), plan


def test_fields_without_effect_change_no_byte_of_weights(toy_file: Path, tmp_path: Path) -> None:
    """Even if they were in the parameters of a training, its files would be the same."""
    loaded = xstilts.load(
        str(toy_file),
        ["intermediate=[none]", "targets=[toy-tags]", "seeds=[0]", "recipes.target.max_steps=3"],
    )
    stage, plan = single_stage(loaded)
    before = [one for one in plan.stages if one.key in {*stage.inputs.values()}]
    keys = {Recipe.model_fields[name].serialization_alias or name: OTHER[name] for name in OTHER}
    params = {**stage.params, "recipe": {**stage.params["recipe"], **keys}, "pooling": "cls"}
    assert stage.params["pooling"] != "cls" or stage.params["recipe"]["stride"] != 17
    other = dataclasses.replace(stage, params=params)
    assert other.key != stage.key
    store = run_stages([*before, stage, other], tmp_path)
    folders = [store.artifact(key).path for key in (stage.key, other.key)]
    names = sorted(path.name for path in folders[0].iterdir() if path.name != "manifest.json")
    assert any(name.endswith(".safetensors") for name in names)
    for name in names:
        assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name


def test_span_and_mixture_fields_of_an_experiment_change_no_key(toy_file: Path) -> None:
    plain = compile_experiment(xstilts.load(str(toy_file), ["intermediate=[none]"])).plan
    changes = [
        f"recipes.target.{name}={str(value).lower() if value is True else value}"
        for name, value in OTHER.items()
    ]
    other = compile_experiment(xstilts.load(str(toy_file), ["intermediate=[none]", *changes])).plan
    assert [one.key for one in plain.stages] == [one.key for one in other.stages]


def test_pooling_changes_keys_of_sentence_heads_alone(toy_file: Path) -> None:
    keys = {}
    for pooling in ("mean", "cls", "last"):
        loaded = xstilts.load(
            str(toy_file),
            ["intermediate=[none]", f"encoder={{name: ./encoder, pooling: {pooling}}}"],
        )
        stages = compile_experiment(loaded).plan.stages
        keys[pooling] = {s.label: s.key for s in stages if s.kind in ("train", "predict")}
    for label, key in keys["mean"].items():
        same = key == keys["cls"][label] == keys["last"][label]
        assert same == ("toy-tags" in label), label
