"""Images of prepared rows: each is read and decoded once, and its digest is part of the rows."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, NamedTuple

from xstilts.core.cpu import parallel_map
from xstilts.core.errors import DataError
from xstilts.formats.base import Row
from xstilts.formats.image_text.checks import DIGESTS, IMAGES, SOURCE
from xstilts.tasks.image_source import ImageProblem, ImageSource
from xstilts.tasks.io.image_decoding import check_image
from xstilts.tasks.row_problems import RowProblems
from xstilts.tasks.validate import TOLERATED, too_many_problems

NO_IMAGE = "no image"
SAME_IMAGE = "same image under two ids, kept as one"
SEPARATE_IMAGES = "same image under two ids, kept"
"""Of rows that earlier versions prepared, where the ids were answers of their own."""
FRAMES = "image with several frames, the first is used, kept"
WINDOW = 256
"""Rows whose images are read together."""


class CheckedImage(NamedTuple):
    """An image that can be used: SHA-256 of its bytes, and whether there are further frames."""

    digest: str
    has_frames: bool


_usable: dict[tuple[str, str], CheckedImage] = {}
"""(fingerprint of a source, file) → an image that this process has read: languages share images.

The fingerprints of large folders have no content, so that two folders may have the same.
"""


@dataclass
class ImageChecks:
    """The images of a split that were read, by id.

    Args:
        results: id → the image, or what is wrong with it.
        first: digest → the first id with this content.
    """

    source: ImageSource
    results: dict[str, CheckedImage | ImageProblem] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def read(self, image_ids: Iterable[str]) -> None:
        """Read and decode the images that are not known yet."""
        images = self.source.fingerprint()
        new = [name for name in dict.fromkeys(image_ids) if name not in self.results]
        for name in new:
            if known := _usable.get((images, self.source.where(name))):
                self.results[name] = known
        unread = [name for name in new if name not in self.results]
        for name, result in parallel_map(_checked, self._bytes(unread)):
            self.results[name] = result
            if isinstance(result, CheckedImage):
                _usable[images, self.source.where(name)] = result

    def _bytes(self, image_ids: Sequence[str]) -> Iterator[tuple[str, bytes | ImageProblem]]:
        for name in self.source.reading_order(image_ids) if image_ids else ():
            try:
                yield name, self.source.read(name)
            except ImageProblem as problem:
                yield name, problem


def _checked(
    item: tuple[str, bytes | ImageProblem],
) -> tuple[str, CheckedImage | ImageProblem]:
    """Id, and the image or what is wrong with it."""
    name, data = item
    if isinstance(data, ImageProblem):
        return name, data
    try:
        has_frames = check_image(data)
    except ImageProblem as problem:
        return name, problem
    return name, CheckedImage(hashlib.sha256(data).hexdigest(), has_frames)


def rows_with_images(
    examples: Iterable[Any], source: ImageSource, limit: int | None, problems: RowProblems
) -> tuple[list[Any], list[list[str]]]:
    """The first examples whose images can be used, and the digests of their images.

    See `filter_images`.

    Raises:
        DataError: more than a twentieth of the rows have images that cannot be used, or all.
    """
    usable, digests, total = filter_images(examples, source, limit, problems)
    if total and too_many_problems(total, len(usable)):
        listed = "\n    ".join([problems.summary(), *problems.causes()])
        raise DataError(
            f"{total - len(usable)} of {total} rows have images that cannot be used:\n    {listed}",
            todo=f"correct them; up to {TOLERATED:.0%} of bad rows are left out and counted",
        )
    return usable, digests


def filter_images(
    examples: Iterable[Any], source: ImageSource, limit: int | None, problems: RowProblems
) -> tuple[list[Any], list[list[str]], int]:
    """The first examples whose images can be used, their digests, and how many were read.

    Ids of images with the same bytes are replaced by the first of them, as retrieval counts each
    distinct image once. Problems of images are added to those of the rows. Images of further
    examples are not read.
    """
    checks, usable, digests, total = ImageChecks(source), list[Any](), list[list[str]](), 0
    remaining = iter(examples)
    while limit is None or len(usable) < limit:
        missing = WINDOW if limit is None else min(WINDOW, limit - len(usable))
        window = list(islice(remaining, missing))
        if not window:
            break
        checks.read(name for example in window for name in example.images)
        total += len(window)
        for example in window:
            found = _digests(example, checks, problems)
            if found is not None:
                usable.append(replace(example, images=tuple(checks.first[one] for one in found)))
                digests.append(found)
    return usable, digests, total


def _digests(example: Any, checks: ImageChecks, problems: RowProblems) -> list[str] | None:
    """The digests of an example's images; none if one cannot be used."""
    if not example.images:
        problems.add(NO_IMAGE, example)
        return None
    images = list[CheckedImage]()
    for name in example.images:
        result = checks.results[name]
        if isinstance(result, ImageProblem):
            detail = result.detail or "?"
            where = checks.source.where(name)
            shown = detail if where in detail else f"{where}: {detail}"
            problems.add(result.problem, example, shown)
            return None
        images.append(result)
    for name, image in zip(example.images, images, strict=True):
        first = checks.first.setdefault(image.digest, name)
        if first != name:
            problems.add_kept(SAME_IMAGE, example, f"{name} and {first}")
        if image.has_frames:
            problems.add_kept(FRAMES, example, checks.source.where(name))
    return [image.digest for image in images]


def image_rows(
    rows: Iterable[Row], digests: Iterable[list[str]], task: str, split: str
) -> list[Row]:
    """Rows with the digests of their images, and the task and split that has them."""
    return [
        {**row, IMAGES: list(row[IMAGES]), DIGESTS: found, SOURCE: f"{task} {split}"}
        for row, found in zip(rows, digests, strict=True)
    ]
