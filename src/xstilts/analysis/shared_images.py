"""Images of a predicted set that the model's training rows have too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.formats.image_text.checks import DIGESTS
from xstilts.stages.io.image_roles import VISION
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS


def shared_images(predicted: Artifact, store: Store) -> int:
    """The number of distinct images of a predicted set that its model was trained on.

    By the digests of their bytes. All trainings behind the model count, and their training rows
    only; 0 for stages that read no images.
    """
    inputs = predicted.manifest["stage"]["inputs"]
    if VISION not in inputs:
        return 0
    trained = (image_digests(key, store) for key in set(_training_rows(inputs["model"], store)))
    return len(image_digests(inputs["rows"], store) & frozenset[str]().union(*trained))


def _training_rows(key: str, store: Store) -> Iterator[str]:
    """The keys of the rows of a training, and of all trainings that it continues."""
    artifact = store.get_valid(key)
    if artifact is None:
        return
    for role, source in artifact.manifest["stage"]["inputs"].items():
        if role.startswith("train:"):
            yield source
        elif role == "base":
            yield from _training_rows(source, store)


@lru_cache(maxsize=256)
def image_digests(key: str, store: Store) -> frozenset[str]:
    """The SHA-256 of the images of prepared rows; empty for rows without images."""
    rows = store.get_valid(key)
    if rows is None:
        return frozenset()
    return frozenset(digest for row in read_rows(rows / ROWS) for digest in row.get(DIGESTS) or ())
