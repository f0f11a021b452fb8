"""The JSON Schema of experiment files accepts what `load` accepts and rejects mistakes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
import yaml

from xstilts.config.json_schema import SCHEMA_FILE, experiment_schema, schema_text
from xstilts.config.load import presets
from xstilts.testing.tiny import write_experiment

MINIMAL = {"name": "mine", "encoder": "x/y", "intermediate": ["none"], "targets": ["home-intents"]}


def errors(tree: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(experiment_schema())
    return [error.message for error in validator.iter_errors(tree)]


def test_the_shipped_file_is_up_to_date() -> None:
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), (
        "run python -m xstilts.config.json_schema"
    )


def test_the_shipped_file_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(SCHEMA_FILE.read_text("utf-8")))


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_accepted(name: str) -> None:
    assert errors(yaml.safe_load(presets()[name].read_text(encoding="utf-8"))) == []


def test_the_toy_experiment_is_accepted(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write_experiment(tmp_path_factory.mktemp("toy"))
    assert errors(yaml.safe_load(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": {"name": "x/y", "pooling": "cls"}},
        {"languages": ["en", "de"]},
        {"retrieval": {"layer": [1, 2], "pooling": ["mean", "cls"]}},
        {"limits": {"train": 10, "dev": "all"}, "task_limits": {"mnli": {"dev": None}}},
        {"recipes": {"tasks": {"home-intents": {"max_grad_norm": 2}}}},
        {"splits": {"xnli": {"test": "dev[:80%]"}}, "train_task": {"xnli": "snli@de"}},
    ],
)
def test_other_forms_of_values_are_accepted(changes: dict[str, Any]) -> None:
    assert errors(MINIMAL | changes) == []


def test_a_file_that_extends_another_needs_no_further_keys() -> None:
    assert errors({"extends": "quickstart"}) == []
    assert errors({"extends": "quickstart", "name": "mine", "seeds": [7]}) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {key: MINIMAL[key] for key in ("name", "encoder", "targets")},
        MINIMAL | {"seed": [1]},
        MINIMAL | {"encoder": 3},
        MINIMAL | {"recipes": {"target": {"learning_rate": -1}}},
        MINIMAL | {"recipes": {"tasks": {"home-intents": {"learning_rte": 1}}}},
        MINIMAL | {"eval_split": "train"},
        {"extends": ["quickstart"]},
    ],
)
def test_mistakes_are_rejected(wrong: dict[str, Any]) -> None:
    assert errors(wrong)
