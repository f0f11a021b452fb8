"""JSON Schema of experiment files; `python -m xstilts.config.json_schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xstilts.config.encoder_choice import OTHER
from xstilts.config.experiment import Experiment
from xstilts.config.named_recipes import PRESET, named_recipe_files

SCHEMA_FILE = Path(__file__).with_name("experiment.schema.json")
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def experiment_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file.

    It describes what `load` accepts: `extends`, which makes all other keys but `name` optional,
    and encoders given by their names alone. It does not list former names of keys.
    """
    schema = Experiment.model_json_schema()
    properties = schema["properties"]
    by_name_or_options = {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/EncoderConfig"}]}
    properties["encoder"] = by_name_or_options | {
        "description": "name of the encoder, or a mapping",
    }
    properties["encoders"] = {
        "type": "array",
        "items": by_name_or_options,
        "minItems": 1,
        "description": properties["encoders"]["description"],
    }
    properties["extends"] = {
        "type": "string",
        "description": "preset or file that provides the values of absent keys",
    }
    for name in ("Recipes", "EncoderRecipe", "RecipeSearch"):
        schema["$defs"][name]["properties"][PRESET] = {
            "enum": list(named_recipe_files()),
            "description": "published recipe, whose values the other keys change",
        }
    required = schema.pop("required")
    return {
        "$schema": DIALECT,
        **schema,
        "title": "xstilts experiment",
        "anyOf": [
            {"required": ["extends"]},
            *({"required": [*required, key]} for key in OTHER),
        ],
    }


def schema_text() -> str:
    """The schema as it stands in `SCHEMA_FILE`."""
    return json.dumps(experiment_schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
