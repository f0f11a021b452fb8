"""The stages that a study needs, as a store lists them: STORE/studies/EXPERIMENT/STUDY/stages.json.

An experiment's record has the stages of the experiment alone; a study also needs those of variants
and measures. The list is written before they run, so that they are never taken for unneeded.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store

STUDIES = "studies"
STAGES = "stages.json"
ANSWER = "answer.json"
STUDY_FILE = re.compile(r"answer\.(json|md)|stages\.json|[a-z0-9-]+\.(csv|md|svg)")
"""Names that a study gives its files."""
VERSION = 1
"""Of a list; one of a higher version was written by a newer version of the package."""


def save_study_stages(store: Store, experiment: str, study: str, plan: Plan) -> None:
    """Write down what a study about an experiment needs.

    Raises:
        OSError: it cannot be written.
    """
    path = store.root / STUDIES / experiment / study / STAGES
    stages = [stage.to_json() for stage in plan.stages]
    content = {"version": VERSION, "stages": stages, "droppable": sorted(plan.droppable)}
    write_json(path, with_digest(content))


def study_stages(path: Path) -> list[Stage]:
    """The stages in a list.

    Raises:
        OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError: as `listed_plan`.
    """
    return list(listed_plan(path).stages)


def listed_plan(path: Path) -> Plan:
    """The stages in a list, and which of them the study does not keep.

    Lists of earlier versions do not say what the study keeps: it then keeps nothing.

    Raises:
        OSError: it cannot be read.
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is damaged, or of a
            newer version.
    """
    kept = without_digest(json.loads(path.read_bytes()))
    if kept["version"] > VERSION:
        raise ValueError("a newer version of xstilts wrote it")
    stages = tuple(Stage.from_json(stage) for stage in kept["stages"])
    return Plan(stages, droppable=frozenset(kept.get("droppable", [s.key for s in stages])))


def answer_stages(path: Path, store: Store) -> dict[str, Stage]:
    """Key → stage of an answer without a list, by the manifests of the stages that it names.

    Raises:
        OSError: it cannot be read.
        XstiltsError, ValueError, KeyError, TypeError, AttributeError, RecursionError: it is
            damaged, or a stage that it needs is not finished, so that its inputs are unknown.
    """
    answer = without_digest(json.loads(path.read_bytes()))
    further = answer["further_stages"] if "further_stages" in answer else answer["beside"]
    open_keys, stages = set(map(str, further)), dict[str, Stage]()
    while open_keys:
        key = open_keys.pop()
        stages[key] = Stage.from_json(store.artifact(key).manifest["stage"])
        open_keys |= set(stages[key].inputs.values()) - stages.keys()
    return stages
