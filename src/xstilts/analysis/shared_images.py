"""Images of a predicted set, or of a dev set, that the model's training rows have too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from xstilts.core.artifact import Artifact
from xstilts.core.store import Store
from xstilts.formats.image_text.checks import DIGESTS, IMAGES
from xstilts.stages.io.image_roles import VISION
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS


@dataclass(frozen=True)
class SharedImages:
    """Images of an evaluated set that the training rows of its model have too.

    Args:
        rows: key of the set.
        names: of the images in the set, each once.
    """

    rows: str
    names: tuple[str, ...]


def shared_images(stage: Artifact, store: Store) -> Iterator[SharedImages]:
    """Those of the set that a stage predicts, or of the dev sets of a training.

    By the digests of their bytes. All trainings behind the model count, and their training rows
    only; none for stages that read no images.
    """
    described = stage.manifest["stage"]
    kind, inputs = described["kind"], described["inputs"]
    if VISION not in inputs or kind not in ("predict", "train"):
        return
    if kind == "predict":
        evaluated, training = [inputs["rows"]], _training_rows(inputs["model"], store)
    else:
        evaluated = [source for role, source in inputs.items() if role.startswith("dev:")]
        training = _training_rows(stage.key, store)
    trained = set[str]().union(*(images_by_digest(key, store) for key in set(training)))
    for key in dict.fromkeys(evaluated):
        names = {name for one, name in images_by_digest(key, store).items() if one in trained}
        if names:
            yield SharedImages(key, tuple(sorted(names)))


def _training_rows(key: str, store: Store) -> Iterator[str]:
    """The keys of the rows of a training, and of all trainings that it continues."""
    artifact = store.get_finished(key)
    if artifact is None:
        return
    for role, source in artifact.manifest["stage"]["inputs"].items():
        if role.startswith("train:"):
            yield source
        elif role == "base":
            yield from _training_rows(source, store)


@lru_cache(maxsize=256)
def images_by_digest(key: str, store: Store) -> Mapping[str, str]:
    """SHA-256 → name of the images of prepared rows; empty for rows without images.

    Raises:
        DamagedArtifact: the rows are not what was published.
    """
    if not store.has(key):
        return {}
    return {
        digest: name
        for row in read_rows(store.read(key, ROWS), [IMAGES, DIGESTS])
        for name, digest in zip(row.get(IMAGES) or (), row.get(DIGESTS) or (), strict=True)
    }
