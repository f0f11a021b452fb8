"""Keys of stages of presets, to compare with those of a file in the repository.

`python -m xstilts.testing.golden_keys FILE` writes the file. It refuses keys that have changed
while the versions of the stage kinds have not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xstilts
from xstilts.core.atomic_io import write_json
from xstilts.core.stage import Stage
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MEASURES, compile_measures
from xstilts.stages import STAGE_KINDS

ENCODER = "encoder={name: FacebookAI/xlm-roberta-base, revision: null}"
"""Of glue-stilts, whose own encoder has no sizes in the package."""
EXPERIMENTS: Mapping[str, Sequence[str]] = {
    "phang-2020": ("seeds=[0]", "languages=[en, de, sw]"),
    "phang-2020-base": ("seeds=[7]", "languages=[en, zh]"),
    "xtreme-r": ("seeds=[0]", "languages=[en, fi, sw, de, zh]"),
    "xtreme-m": ("seeds=[0]",),
    "xtreme-scripts": ("seeds=[0]",),
    "glue-stilts": (ENCODER, "seeds=[1]", "recipes.target.lora={r: 4}"),
}
"""Preset → changes; all are planned without data and network."""
MEASURED = "glue-stilts"
PER_KIND = 12
"""Stages of a kind that are taken of an experiment, evenly spaced."""


def golden_keys() -> dict[str, Any]:
    """Versions of the stage kinds, and experiment → label → key."""
    versions = {name: STAGE_KINDS.get(name).version for name in STAGE_KINDS}
    keys = {name: dict(_sample(stages)) for name, stages in _stages()}
    return {"versions": versions, "keys": keys}


def changed_keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Experiment and label of the stages whose keys differ or are missing."""
    return [
        f"{name}: {label}"
        for name, keys in before["keys"].items()
        for label, key in keys.items()
        if after["keys"].get(name, {}).get(label) != key
    ]


def _stages() -> Iterator[tuple[str, Sequence[Stage]]]:
    for name, changes in EXPERIMENTS.items():
        yield name, compile_experiment(xstilts.load(name, list(changes))).plan.stages
    loaded = xstilts.load(MEASURED, [ENCODER, "seeds=[0]"])
    yield f"measures of {MEASURED}", compile_measures(loaded, list(MEASURES))[0]


def _sample(stages: Sequence[Stage]) -> Iterator[tuple[str, str]]:
    for kind in dict.fromkeys(stage.kind for stage in stages):
        own = [stage for stage in stages if stage.kind == kind]
        for stage in own[:: -(-len(own) // PER_KIND)]:
            yield stage.label, stage.key


def main(path: Path) -> None:
    """Write the file, unless keys have changed without another version of a stage kind."""
    after = golden_keys()
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        changed = changed_keys(before, after)
        if changed and before["versions"] == after["versions"]:
            sys.exit("\n".join([*changed, "keys have changed: raise the version of their kind"]))
    write_json(path, after)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
