"""Predicted tags in few bytes: numbers of labels, not strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

NO_SUBWORD = -1
"""In place of a label number: the word has no sub-word."""

Numbers = NDArray[np.int16]


def packed(numbers: Iterable[int]) -> bytes:
    """The label numbers of one text, two bytes each."""
    return np.fromiter(numbers, dtype=np.int16).tobytes()


class TagNumbers:
    """Label numbers of the words of n texts, in one array that is filled text by text.

    Args:
        words: [n] words of each text.
    """

    def __init__(self, words: NDArray[np.int64]) -> None:
        self.ends = words.cumsum()
        self.numbers: Numbers = np.full(int(words.sum()), NO_SUBWORD, dtype=np.int16)

    def __setitem__(self, index: int, text: bytes) -> None:
        """Set the packed numbers of a text."""
        numbers, end = np.frombuffer(text, dtype=np.int16), self.ends[index]
        self.numbers[end - len(numbers) : end] = numbers


class TagSequences(Sequence[list[str]]):
    """One list of tags per sentence, built on access.

    Args:
        labels: all tags.
        numbers: [t] label numbers of all words.
        ends: [n] the number of words up to the end of each sentence.
    """

    def __init__(self, labels: Sequence[str], numbers: Numbers, ends: NDArray[np.int64]) -> None:
        self.labels = tuple(labels)
        self.numbers = numbers
        self.offsets = np.concatenate([np.zeros(1, np.int64), ends])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> list[str]: ...
    @overload
    def __getitem__(self, index: slice) -> TagSequences: ...
    def __getitem__(self, index: int | slice) -> list[str] | TagSequences:
        if isinstance(index, slice):
            return self._consecutive(*index.indices(len(self)))
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        start, end = self.offsets[index % len(self) :][:2]
        return [self.labels[number] for number in self.numbers[start:end].tolist()]

    def _consecutive(self, start: int, stop: int, step: int) -> TagSequences:
        """Some sentences; their numbers are not copied."""
        if step != 1:
            raise ValueError(f"sentences in steps of {step}")
        offsets = self.offsets[start : max(start, stop) + 1]
        numbers = self.numbers[offsets[0] : offsets[-1]]
        return TagSequences(self.labels, numbers, offsets[1:] - offsets[0])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __arrow_array__(self, type: pa.DataType | None = None) -> pa.Array:
        """Lists of strings, without a Python object per tag; `pyarrow.array` calls it."""
        import pyarrow as pa

        tags = pa.array(self.labels, pa.string()).take(pa.array(self.numbers))
        lists: Any = pa.ListArray.from_arrays(pa.array(self.offsets, pa.int32()), tags)
        return lists if type is None else lists.cast(type)
