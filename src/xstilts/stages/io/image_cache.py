"""The cache of image features: artifacts of STORE/features, found by tower and digest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.locks import wait_lock
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats.image_array import States

KIND, LAYOUT = "image-features", 1
"""Kind of these artifacts, and a number to raise when their files change."""
STATES = "states.npy"
PIECE = 256
"""Images of an artifact, at most: so many are computed again after an interruption."""
PACKAGES = ("pillow", "torch", "transformers")
"""Packages whose versions may change the states of an image."""

Compute = Callable[[Sequence[str]], Iterator[States]]
"""Digests of images → [p, width] the states of each."""
Chunk = tuple[States, list[str]]
"""[n, p, width] states, and the digests of the n images."""

_digests: dict[tuple[str, str], tuple[str, ...]] = {}
"""(store, key) → digests of the images in an artifact; none in artifacts of other kinds or towers.
"""
_verified: set[tuple[str, str]] = set()


def cache_stage(tower: Artifact) -> Stage:
    """The identity of the features by a tower; the images are a further parameter.

    It includes the device, as a GPU sums in another order.
    """
    from xstilts.models.device import compute_device

    params = {"device": compute_device().type, **{name: _version(name) for name in PACKAGES}}
    return Stage(KIND, LAYOUT, params, {"vision": tower.key}, label="features of images")


@dataclass(frozen=True)
class ImageCache:
    """The features of images by one tower."""

    folder: Path
    stage: Stage

    def chunks(self, digests: Sequence[str], compute: Compute) -> list[Chunk]:
        """Memory-mapped arrays that have all these images, and the digests of theirs.

        Those that no artifact has are computed, under a lock: stages that need the same images
        wait. An interrupted computation continues after the last artifact.

        Raises:
            StoreError: the disk is full, or cannot be written.
        """
        store = Store(self.folder).prepare()
        while True:
            chunks, missing = self._find(store, digests)
            if not missing:
                return chunks
            with wait_lock(store.lock_path(self.stage.key)):
                _, missing = self._find(store, digests)
                self._compute(store, missing, compute)

    def _compute(self, store: Store, missing: Sequence[str], compute: Compute) -> None:
        states = compute(missing)
        for start in range(0, len(missing), PIECE):
            piece = list(missing[start : start + PIECE])
            stage = self._stage_of(piece)
            with store.staging(stage.key) as folder:
                _write_states(folder / STATES, islice(states, len(piece)), len(piece))
                store.publish(stage, folder, {"images": len(piece)}, {})

    def _stage_of(self, piece: Sequence[str]) -> Stage:
        params = {**self.stage.params, "images": list(piece)}
        return Stage(KIND, LAYOUT, params, self.stage.inputs, label=self.stage.label)

    def _find(self, store: Store, digests: Sequence[str]) -> tuple[list[Chunk], list[str]]:
        """The arrays that have some of these images, and the images that none has."""
        remaining, chunks = dict.fromkeys(digests), list[Chunk]()
        for key in store.names("artifacts"):
            names = self._digests_of(store, key)
            if remaining.keys().isdisjoint(names) or not _is_intact(store, key):
                continue
            mapped = np.load(store.artifact(key) / STATES, mmap_mode="r", allow_pickle=False)
            chunks.append((mapped.view(np.ndarray), list(names)))
            for name in names:
                remaining.pop(name, None)
        return chunks, list(remaining)

    def _digests_of(self, store: Store, key: str) -> tuple[str, ...]:
        """The digests of the images in an artifact; none if it is of another kind or tower."""
        location = f"{store.root} {self.stage.key}", key
        if location not in _digests:
            try:
                _digests[location] = self._read_digests(store.artifact(key))
            except DamagedArtifact:
                return ()  # nothing says whose it was; features of rows are checked by their stage
        return _digests[location]

    def _read_digests(self, artifact: Artifact) -> tuple[str, ...]:
        stage = artifact.manifest["stage"]
        if stage["kind"] != KIND:
            return ()
        rest = {name: value for name, value in stage["params"].items() if name != "images"}
        named = (stage["version"], rest, stage["inputs"])
        if named != (LAYOUT, dict(self.stage.params), dict(self.stage.inputs)):
            return ()
        return tuple(stage["params"]["images"])


def _is_intact(store: Store, key: str) -> bool:
    """Whether an artifact matches its digests, which are checked once per process."""
    location = str(store.root), key
    if not store.has(key):
        _verified.discard(location)
        if store.artifact(key).path.exists():
            store.quarantine(key)
        return False
    if location not in _verified:
        try:
            store.artifact(key).check_digests()
        except DamagedArtifact:
            store.quarantine(key)
            return False
        _verified.add(location)
    return True


def _write_states(path: Path, states: Iterator[States], count: int) -> None:
    """Write [count, p, width], one image after another.

    Writing to a memory-mapped file would end the process if the disk is full.
    """
    with path.open("wb") as file:
        for number, one in enumerate(states):
            if number == 0:
                shape = (count, *one.shape)
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
            file.write(np.ascontiguousarray(one, dtype="<f4").tobytes())


_version = cache(version)
