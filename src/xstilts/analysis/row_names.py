"""Names of prepared rows, and of those that a stage reads."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.config.split_slices import SplitSlice
from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.stages.prepare import ROWS

SHOWN_SETS = 2
"""Sets of rows that are named, at most."""


@dataclass(frozen=True)
class SetName:
    """A set of rows, in words.

    Args:
        part: task, and split or slice; of rows of other stages the label of the stage.
        language: of the rows, or `de into en`; empty if it is in the label.
    """

    part: str
    language: str = ""


def name_of_rows(rows: Artifact) -> str:
    """Task, split or slice, and language of prepared rows; else the label of their stage."""
    name = prepared_name(rows)
    return f"{name.part} {name.language}" if name.language else name.part


def prepared_name(rows: Artifact) -> SetName:
    """The same, with the language apart."""
    stage = rows.manifest["stage"]
    params = stage["params"]
    task, split, language = (params.get(part, "") for part in ("task", "split", "language"))
    if not (task and split and language):
        return SetName(str(stage["label"]))
    return SetName(f"{task} {SplitSlice(split, *params.get('share', ())).name}", language)


def source_name(key: str, store: Store) -> SetName:
    """The name of prepared rows, or of those that drawn or translated rows come from."""
    artifact = store.get_finished(key)
    if artifact is None:
        return SetName(key[:12])
    stage = artifact.manifest["stage"]
    if stage["kind"] == "draw":
        return source_name(stage["inputs"]["rows"], store)
    if stage["kind"] == "translate":
        direction = f"{stage['params']['source']} into {stage['params']['target']}"
        return SetName(source_name(stage["inputs"]["rows"], store).part, direction)
    return prepared_name(artifact)


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
