"""Images of a task for `check_task`: readable, and not shared by splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

from xstilts.tasks.base import TaskSpec
from xstilts.tasks.image_source import ImageProblem
from xstilts.tasks.io.image_decoding import check_image


def check_images(task: TaskSpec, split: str, examples: Iterable[Any]) -> None:
    """Assert that the images of some examples can be read and decoded.

    Raises:
        AssertionError: names the image, and what is wrong with it.
    """
    if task.images is None:
        return
    source = task.images(split)
    for name in _names(examples):
        try:
            check_image(source.read(name))
        except ImageProblem as problem:
            raise AssertionError(f"{task.name} {split}: image {name!r}: {problem}") from problem


def check_shared_images(task: TaskSpec, by_split: Mapping[str, Sequence[Any]], rows: int) -> None:
    """Assert that no two splits have an image in common.

    Args:
        by_split: split → its examples.
        rows: number of examples of each split whose images are compared by their bytes; those of
            the others are compared by name, where splits have one source of images.

    Raises:
        AssertionError: names two splits and an image.
    """
    if task.images is None:
        return
    sources = {split: task.images(split) for split in by_split}
    names = {split: set(_names(examples)) for split, examples in by_split.items()}
    digests = {
        split: {
            hashlib.sha256(sources[split].read(name)).hexdigest(): name
            for name in _names(examples[:rows])
        }
        for split, examples in by_split.items()
    }
    for first, second in combinations(by_split, 2):
        same_source = sources[first].fingerprint() == sources[second].fingerprint()
        shared = names[first] & names[second] if same_source else set()
        shared |= {digests[first][one] for one in digests[first].keys() & digests[second].keys()}
        assert not shared, (
            f"{task.name}: {first} and {second} have {len(shared)} images in common, such as "
            f"{min(shared)!r}"
        )


def _names(examples: Iterable[Any]) -> list[str]:
    """The images of examples, each once."""
    return list(dict.fromkeys(name for example in examples for name in example.images))
