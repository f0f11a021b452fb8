"""Prepared features: rows are tokenized once for all stages with the same settings.

STORE/features/ is a separate small store, whose artifacts are named by everything that
features depend on. It is worth time only: it may be deleted whenever nothing runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from itertools import chain
from typing import Any

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.locks import wait_lock
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import LAYOUT, StoredFeatures, write_features
from xstilts.formats.fixed_length import fixed_length
from xstilts.formats.spec import Problem
from xstilts.models.encoder_files import EncoderFiles
from xstilts.stages.base import StageContext
from xstilts.stages.io.image_features import with_row_images
from xstilts.stages.io.rows import read_pieces
from xstilts.stages.prepare import ROWS

PIECE = 2000
"""Rows that are tokenized together, so that few are in memory as Python objects."""

REVISION = 4
"""Raise it when rows that were read wrongly give other features, and all others the same.

Raise it also when more problems of rows are counted.

The keys of trainings stay; prepared features are made again.
"""
SHOWN = 10
"""Problems described per part; the rest are counted."""

_checked: set[tuple[str, str]] = set()


def prepared(
    context: StageContext,
    rows: Artifact,
    kind: str,
    labels: Sequence[str],
    reading: TokenizationConfig,
    tokenizer: Any,
    name: str = "",
) -> Sequence[Feature]:
    """The features of prepared rows, as the format makes them, with the states of their images.

    The first stage that needs them writes them under a lock; others wait. A damaged copy is
    quarantined and written again.

    Args:
        name: of the rows, in the counts of problems of a stage that reads several sets.

    Raises:
        StoreError: the disk is full, or cannot be written.
    """
    problems = FeatureProblems()
    pieces = _padded(context, _pieces(kind, rows, labels, reading, tokenizer, problems), tokenizer)
    if context.features is None:
        features = list(chain.from_iterable(pieces))
        _note(context, problems.facts(), name)
        return with_row_images(context, rows, features)
    stage = _stage(context, rows, kind, labels, reading)
    store = Store(context.features).prepare()
    with wait_lock(store.lock_path(stage.key)):
        if not _is_intact(store, stage.key):
            with store.staging(stage.key) as folder:
                count = write_features(folder, pieces)
                store.publish(stage, folder, {"features": count, **problems.facts()}, {})
        artifact = store.artifact(stage.key)
        _note(context, artifact.facts, name)
        stored = StoredFeatures(artifact.path)
    return with_row_images(context, rows, stored)


@dataclass
class FeatureProblems:
    """What the tokenizer could not read, by kind, with the first ten in words."""

    counts: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    def add(self, row_id: str, problem: Problem) -> None:
        """Count one problem of a row."""
        kind, detail = problem
        self.counts[kind] += 1
        if len(self.first) < SHOWN:
            self.first.append(f"row {row_id!r}: {kind}: {detail}")

    def facts(self) -> dict[str, Any]:
        """As facts of an artifact."""
        return {"problems": dict(self.counts), "first": self.first}


def _note(context: StageContext, facts: Mapping[str, Any], name: str) -> None:
    """Take the problems of features into the facts and notes of the stage that reads them."""
    of_set = f" ({name})" if name else ""
    for kind, count in facts["problems"].items():
        context.feature_problems[kind + of_set] += count
    context.notes += [f"{name} {text}".lstrip() for text in facts["first"]]


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
        "reading": reading.key_params(),
        "revision": REVISION,
        "tokenizers": _version("tokenizers"),
        "transformers": _version("transformers"),
    }
    inputs = {"rows": rows.key, "encoder": context.inputs["encoder"].key}
    return Stage("features", LAYOUT, params, inputs, label=f"features for {context.stage.label}")


def _padded(
    context: StageContext, pieces: Iterable[Sequence[Feature]], tokenizer: Any
) -> Iterator[Sequence[Feature]]:
    """The features of an encoder; of one length where it reads padding."""
    length = EncoderFiles(context.inputs["encoder"].path).text_length
    for piece in pieces:
        yield piece if length is None else fixed_length(piece, length, tokenizer.pad_token_id)


def _pieces(
    kind: str,
    rows: Artifact,
    labels: Sequence[str],
    reading: TokenizationConfig,
    tokenizer: Any,
    problems: FeatureProblems,
) -> Iterator[Sequence[Feature]]:
    spec = FORMATS.get(kind)
    for piece in read_pieces(rows / ROWS, PIECE):
        features = spec.features(piece, tokenizer, labels, reading)
        for row_id, problem in spec.feature_problems(piece, features, tokenizer):
            problems.add(row_id, problem)
        yield features


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
