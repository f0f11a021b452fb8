"""How much disk a store takes: by kind, by experiment, and its largest artifacts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xstilts.analysis.stage_needs import stage_needs
from xstilts.api.inputs import AnyStore, existing_store
from xstilts.core.folder_sizes import FolderSizes
from xstilts.core.pins import Pins
from xstilts.core.store import Store, store_errors
from xstilts.core.store_layout import FEATURES, KEY

LARGEST = 10
KINDS = {
    "encoder": "encoders",
    "vision": "encoders",
    "train": "trained weights",
    "embed": "embeddings",
    "prepare": "data",
    "translate": "data",
    "predict": "predictions",
    "search": "predictions",
    "mine": "predictions",
    "score": "scores",
}
"""Kind of stage → what its artifacts are."""
OTHER_STAGES = "measures and choices"
UNKNOWN = "artifacts without a readable manifest"
FOLDER_KINDS = {
    FEATURES: "prepared features",
    "checkpoints": "checkpoints",
    "damaged": "damaged",
    "staging": "staging",
}
"""Folder of a store → what is in it."""
OTHER_FILES = "records, answers and logs"


@dataclass(frozen=True)
class ItemSize:
    """An artifact and its size.

    Args:
        label: of its stage; empty if unknown.
        experiments: names of the experiments and studies that need it.
    """

    key: str
    label: str
    kind: str
    bytes: int
    experiments: tuple[str, ...] = ()
    pinned: bool = False


@dataclass(frozen=True)
class ExperimentSize:
    """The artifacts that an experiment or a study needs.

    Args:
        bytes: of all of them.
        alone: bytes of those that no other experiment or study needs.
    """

    name: str
    bytes: int
    alone: int


@dataclass(frozen=True)
class StoreSize:
    """The size of a store in bytes, each file once.

    Args:
        kinds: kind → bytes, the largest first.
        experiments: and studies, the largest first.
        unneeded: artifacts that no experiment or study needs.
        largest: artifacts.
        free: on the store's disk.
        unreadable: records that cannot be read, whose needs are not counted.
    """

    root: Path
    total: int
    free: int
    kinds: Mapping[str, int]
    experiments: Sequence[ExperimentSize]
    unneeded: int
    largest: Sequence[ItemSize]
    unreadable: Sequence[str] = ()


def store_size(store: AnyStore | None = None) -> StoreSize:
    """How much disk a store takes.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        StoreError: the folder holds something else than a store, or cannot be read.
    """
    opened, sizes = existing_store(store), FolderSizes()
    needs = stage_needs(opened)
    named, pinned = needs.by_stage(), Pins(opened.root)
    with store_errors(opened.root):
        items = [
            ItemSize(
                key,
                *_label_and_kind(opened, key),
                sizes.measure(opened.root / "artifacts" / key),
                tuple(named.get(key, ())),
                pinned.is_pinned(key),
            )
            for key in filter(KEY.fullmatch, opened.names("artifacts"))
        ]
        kinds = Counter[str]()
        for item in items:
            kinds[item.kind] += item.bytes
        for name in sorted(os.listdir(opened.root)) if opened.root.is_dir() else ():
            if name != "artifacts":
                kinds[FOLDER_KINDS.get(name, OTHER_FILES)] += sizes.measure(opened.root / name)
    return StoreSize(
        opened.root,
        sum(kinds.values()),
        opened.free_bytes(),
        dict(kinds.most_common()),
        _by_experiment(items),
        sum(item.bytes for item in items if not item.experiments),
        sorted(items, key=lambda item: -item.bytes)[:LARGEST],
        sorted(needs.unreadable),
    )


def _label_and_kind(store: Store, key: str) -> tuple[str, str]:
    """The label of an artifact's stage, and what the artifact is; its digest is not compared."""
    try:
        stage = json.loads((store.root / "artifacts" / key / "manifest.json").read_bytes())["stage"]
        return str(stage["label"]), KINDS.get(str(stage["kind"]), OTHER_STAGES)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "", UNKNOWN


def _by_experiment(items: Sequence[ItemSize]) -> list[ExperimentSize]:
    total, alone = Counter[str](), Counter[str]()
    for item in items:
        for name in item.experiments:
            total[name] += item.bytes
        if len(item.experiments) == 1:
            alone[item.experiments[0]] += item.bytes
    return [ExperimentSize(name, count, alone[name]) for name, count in total.most_common()]
