"""What a source of images is, and what can be wrong with an image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class ImageProblem(Exception):
    """An image that cannot be used.

    Args:
        problem: the kind of problem, by which rows are counted.
        detail: what is wrong with this image, and its file.
    """

    def __init__(self, problem: str, detail: str = "") -> None:
        super().__init__(f"{problem}: {detail}" if detail else problem)
        self.problem, self.detail = problem, detail


class ImageSource(Protocol):
    """Where the images of a split are read from, by their ids."""

    def read(self, image_id: str) -> bytes:
        """The bytes of an image file.

        Raises:
            ImageProblem: it is missing, too large, or not inside the source.
        """

    def where(self, image_id: str) -> str:
        """The file of an image, for messages."""

    def fingerprint(self) -> str:
        """Digest of everything that `read` depends on; opens as little as possible."""

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids in the order in which they are read fastest."""
