"""Prepared features: rows are tokenized once for all stages with the same settings.

STORE/features/ is a separate small store, whose artifacts are named by everything that
features depend on. It is worth time only: it may be deleted whenever nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from typing import Any

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.locks import wait_lock
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import LAYOUT, StoredFeatures, write_features
from xstilts.formats.spec import FormatSpec
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS

PIECE = 2000
"""Rows that are tokenized together, so that few are in memory as Python objects."""

_checked: set[tuple[str, str]] = set()


def prepared(
    context: StageContext,
    rows: Artifact,
    kind: str,
    labels: Sequence[str],
    reading: TokenizationConfig,
    tokenizer: Any,
) -> Sequence[Feature]:
    """The features of prepared rows, as the format makes them.

    The first stage that needs them writes them under a lock; others wait. A damaged copy is
    quarantined and written again.

    Raises:
        StoreError: the disk is full, or cannot be written.
    """
    spec = FORMATS.get(kind)
    if context.features is None:
        return spec.features(read_rows(rows / ROWS), tokenizer, labels, reading)
    stage = _stage(context, rows, kind, labels, reading)
    store = Store(context.features).prepare()
    with wait_lock(store.lock_path(stage.key)):
        if not _is_intact(store, stage.key):
            with store.staging(stage.key) as folder:
                pieces = _pieces(spec, rows, labels, reading, tokenizer)
                store.publish(stage, folder, {"features": write_features(folder, pieces)}, {})
        return StoredFeatures(store.artifact(stage.key).path)


def _stage(
    context: StageContext,
    rows: Artifact,
    kind: str,
    labels: Sequence[str],
    reading: TokenizationConfig,
) -> Stage:
    """The identity of features; versions of tokenizers may split the same text differently."""
    params = {
        "format": [kind, FORMATS.get(kind).version],
        "labels": list(labels),
        "reading": asdict(reading),
        "tokenizers": _version("tokenizers"),
        "transformers": _version("transformers"),
    }
    inputs = {"rows": rows.key, "encoder": context.inputs["encoder"].key}
    return Stage("features", LAYOUT, params, inputs, label=f"features for {context.stage.label}")


def _pieces(
    spec: FormatSpec,
    rows: Artifact,
    labels: Sequence[str],
    reading: TokenizationConfig,
    tokenizer: Any,
) -> Iterator[Sequence[Feature]]:
    table = read_rows(rows / ROWS)
    for start in range(0, len(table), PIECE):
        yield spec.features(table[start : start + PIECE], tokenizer, labels, reading)


def _is_intact(store: Store, key: str) -> bool:
    """Whether features exist and match their digests, which are checked once per process."""
    artifact = str(store.root), key
    if not store.has(key):
        _checked.discard(artifact)
        return False
    if artifact not in _checked:
        try:
            store.artifact(key).check_digests()
        except DamagedArtifact:
            store.quarantine(key)
            return False
        _checked.add(artifact)
    return True


_version = cache(version)
