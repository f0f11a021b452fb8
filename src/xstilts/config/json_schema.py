"""JSON Schema of experiment files; `python -m xstilts.config.json_schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xstilts.config.experiment import Experiment

SCHEMA_FILE = Path(__file__).with_name("experiment.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file.

    It describes what `load` accepts: `extends`, which makes all other keys but `name` optional,
    and an encoder given by its name alone. It does not list former names of keys.
    """
    schema = Experiment.model_json_schema()
    properties = schema["properties"]
    properties["encoder"] = {
        "anyOf": [{"type": "string"}, properties["encoder"]],
        "description": "name of the encoder, or a mapping",
    }
    properties["extends"] = {
        "type": "string",
        "description": "preset or file that provides the values of absent keys",
    }
    required = schema.pop("required")
    return {
        "$schema": DIALECT,
        **schema,
        "title": "xstilts experiment",
        "anyOf": [{"required": ["extends"]}, {"required": required}],
    }


def schema_text() -> str:
    """The schema as it stands in `SCHEMA_FILE`."""
    return json.dumps(experiment_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
