"""Names of prepared rows, and of those that a stage reads."""

from __future__ import annotations

from xstilts.config.split_slices import SplitSlice
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.stages.prepare import ROWS

SHOWN_SETS = 2
"""Sets of rows that are named, at most."""


def name_of_rows(rows: Artifact) -> str:
    """Task, split or slice, and language of prepared rows; else the label of their stage."""
    stage = rows.manifest["stage"]
    params = stage["params"]
    task, split, language = (params.get(part, "") for part in ("task", "split", "language"))
    if not (task and split and language):
        return str(stage["label"])
    return f"{task} {SplitSlice(split, *params.get('share', ())).name} {language}"


def names_of_read(artifact: Artifact, store: Store) -> str:
    """The sets of rows that a stage reads and the encoder it reads them with, in words.

    Equal for stages that differ in layer, pooling, seed or training; the label of the stage if
    it reads no rows.
    """
    stage = artifact.manifest["stage"]
    encoder, names = "", dict[str, None]()
    for role, key in stage["inputs"].items():
        source = store.get_finished(key)
        if source and ROWS in source.manifest["files"]:
            names[name_of_rows(source)] = None
        elif source and role == "encoder":
            encoder = f" ({source.manifest['stage']['label']})"
    if not names:
        return str(stage["label"])
    shown, more = list(names)[:SHOWN_SETS], len(names) - SHOWN_SETS
    last = f"{more} more" if more > 0 else shown.pop()
    return " and ".join(filter(None, (", ".join(shown), last))) + encoder
