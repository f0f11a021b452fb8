"""A recipe's tokenization settings apply in training, on dev and in prediction."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.config.recipe import Recipe
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS, training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.planning.compile import compile_experiment
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import sentences, write_encoder

Runner = Callable[[LoadedExperiment, Path], Store]
SPAN = FORMATS.get("span")
SPAN_HEAD = training_of("span")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment over questions that may have no answer; all of them have one."""
    folder = tmp_path_factory.mktemp("asked")
    write_encoder(folder / "encoder")
    for split in ("train", "dev", "test"):
        rows = list(sentences(split, 12))
        paragraphs = [
            {
                "context": " ".join(text for text, _, _ in rows[: 2 + number % 4]),
                "qas": [{"id": str(number), "question": f"where is the {rows[0][2]} now today"}],
            }
            for number in range(12)
        ]
        for paragraph in paragraphs:
            answer = {
                "text": rows[0][2],
                "answer_start": paragraph["context"].index(rows[0][2]),
            }
            paragraph["qas"][0]["answers"] = [answer]  # type: ignore[index]
        tree = {"data": [{"paragraphs": paragraphs}]}
        (folder / f"ask-{split}-en.json").write_text(json.dumps(tree))
    path = folder / "asked.yaml"
    path.write_text(
        "name: asked\nencoder: ./encoder\nintermediate: [none]\ntargets: [ask]\n"
        "recipes: {target: {epochs: 1, batch_size: 4, num_evals: 1, learning_rate: 5.0e-3}}\n"
        "tasks:\n  ask:\n    format: span\n    files: 'ask-{split}-{language}.json'\n"
        "    splits: {train: [en], dev: [en], test: [en]}\n    labels: [unanswerable]\n"
    )
    return path


def only(loaded: LoadedExperiment, kind: str) -> Stage:
    (stage,) = (one for one in compile_experiment(loaded).plan.stages if one.kind == kind)
    return stage


def answers(loaded: LoadedExperiment, store: Store) -> list[str]:
    rows = read_rows(store.artifact(only(loaded, "predict").key) / "predictions.parquet")
    return [row["prediction"] for row in rows]


def test_recipe_defaults_equal_those_of_the_tokenization_config() -> None:
    assert TokenizationConfig(**SPAN.tokenization_params(Recipe())) == TokenizationConfig()


def test_span_settings_are_tokenization_params_of_span_tasks_alone() -> None:
    recipe = Recipe(
        max_length=8, doc_stride=7, max_query_length=6, n_best=5, max_answer_length=4,
        null_score_diff_threshold=3,
    )  # fmt: skip
    in_key = {"stride": 7, "question_length": 6, "n_best": 5, "answer_length": 4}
    expected = {"max_length": 8, **in_key, "null_threshold": 3}
    assert SPAN.tokenization_params(recipe) == expected
    assert FORMATS.get("tagging").tokenization_params(recipe) == {"max_length": 8}


def test_span_settings_apply_in_training_and_prediction(
    asked: Path, tmp_path: Path, run_here: Runner
) -> None:
    wanted: dict[str, Any] = {"max_length": 30, "stride": 4, "question_length": 3}
    sets = [f"recipes.target.{name}={value}" for name, value in wanted.items()]
    never, always = (
        xstilts.load(
            str(asked), [*sets, f"recipes.target.null_score_diff_threshold={value}", *more]
        )
        for value, more in (("1.0e+9", ["recipes.target.max_answer_length=1"]), ("-1.0e+9", []))
    )
    store = run_here(never, tmp_path / "store")
    run_here(always, tmp_path / "store")

    rows = read_rows(store.artifact(only(never, "train").inputs["train:ask:en"]) / "rows.parquet")
    tokenizer = AutoTokenizer.from_pretrained(asked.parent / "encoder")
    windows, usual = (
        len(SPAN.features(rows, tokenizer, (), reading))
        for reading in (TokenizationConfig(**wanted), TokenizationConfig(max_length=30))
    )
    assert windows != usual
    assert store.artifact(only(never, "train").key).facts["steps"] == math.ceil(windows / 4)

    assert set(answers(always, store)) == {""}
    assert store.artifact(only(always, "train").key).facts["dev_mean"] == 0.0
    found = answers(never, store)
    assert all(found)
    assert all(len(tokenizer(text, add_special_tokens=False)["input_ids"]) <= 2 for text in found)


def test_only_the_n_best_starts_and_ends_are_paired() -> None:
    """The best pair that fits needs the second best start."""
    offsets = ((-1, -1), *((place, place + 1) for place in range(6)))
    feature = Feature("1", [0, *range(10, 16)], [0] * 7, [0, 0], tuple(range(1, 7)), (), offsets)
    feature = Feature(**{**feature.__dict__, "context": "abcdef"})
    logits = torch.full((1, 7, 2), -9.0)
    logits[0, 6, 0], logits[0, 2, 0], logits[0, 3, 1] = 5.0, 4.0, 5.0  # starts f, b; end c
    for n_best, text in ((1, ""), (2, "bc")):
        (found,) = SPAN_HEAD.predictions(logits, [feature], (), TokenizationConfig(n_best=n_best))
        assert found.text == text
    (short,) = SPAN_HEAD.predictions(
        logits, [feature], (), TokenizationConfig(n_best=2, answer_length=1)
    )
    assert short.text != "bc"
