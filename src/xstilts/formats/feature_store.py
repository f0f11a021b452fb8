"""Features as flat arrays on disk, memory-mapped: all processes share one copy.

first.npy                          [n + 1] the texts of each feature
name.npy  context.npy              [t] each text's id and context, as numbers of strings
strings.npy  strings-ends.npy      UTF-8 of the strings, and where each ends
single.npy                         [t] whether the target is one number
ids.npy  types.npy                 sub-words of all texts; ids-ends.npy where each text ends
target.npy  words.npy  offsets.npy the same, each with its own ends; numbers as targets are float64
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from xstilts.formats.base import Feature, id_lists
from xstilts.formats.growing_arrays import GrowingArray, GrowingOffsets

LAYOUT = 1
"""Raise it when the layout of the files changes."""

Array = NDArray[Any]
KINDS = {
    "name": np.int32,
    "context": np.int32,
    "single": np.bool_,
    "ids": np.int32,
    "types": np.int8,
    "target": np.int32,
    "words": np.int32,
    "offsets": np.int32,
    "strings": np.uint8,
}
RAGGED = ("ids", "target", "words", "offsets", "strings")
OFFSETS = ("first", *(f"{name}-ends" for name in RAGGED))


class LazySequence(Sequence[Feature]):
    """Features that are built on access, by `_at` (index from 0)."""

    @overload
    def __getitem__(self, index: int) -> Feature: ...
    @overload
    def __getitem__(self, index: slice) -> list[Feature]: ...
    def __getitem__(self, index: int | slice) -> Feature | list[Feature]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._at(index % len(self))

    def _at(self, index: int) -> Feature:
        raise NotImplementedError

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[n] sub-words of each feature's longest text, without building features."""
        raise NotImplementedError

    @property
    def text_counts(self) -> NDArray[np.int64]:
        """[n] number of texts of each feature, without building features."""
        raise NotImplementedError

    @property
    def word_counts(self) -> NDArray[np.int64]:
        """[n] number of words of each feature's first text."""
        return np.array([len(feature.words) for feature in self], dtype=np.int64)

    def occurring_ids(self) -> list[int]:
        """Sorted sub-word ids that occur, without building features."""
        raise NotImplementedError


class StoredFeatures(LazySequence):
    """The features that `write_features` wrote, built on access."""

    def __init__(self, folder: Path) -> None:
        self._first, self._name, self._context, self._single = (
            _mapped(folder, name) for name in ("first", "name", "context", "single")
        )
        self._ids, self._types, self._target, self._words, self._offsets, self._strings = (
            _mapped(folder, name)
            for name in ("ids", "types", "target", "words", "offsets", "strings")
        )
        self._ends = {name: _mapped(folder, f"{name}-ends") for name in RAGGED}

    def __len__(self) -> int:
        return len(self._first) - 1

    def _at(self, index: int) -> Feature:
        start, stop = self._first[index : index + 2].tolist()
        further = tuple(self._text(text) for text in range(start + 1, stop))
        return self._text(start, further)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[n] sub-words of each feature's longest text."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        sizes = np.diff(self._ends["ids"])
        return np.maximum.reduceat(sizes, self._first[:-1])

    @property
    def text_counts(self) -> NDArray[np.int64]:
        """[n] number of texts of each feature."""
        return np.diff(self._first)

    @property
    def word_counts(self) -> NDArray[np.int64]:
        """[n] number of words of each feature's first text, without building features."""
        return np.diff(self._ends["words"])[self._first[:-1]]

    def occurring_ids(self) -> list[int]:
        """Sorted sub-word ids that occur."""
        occurs = np.zeros(self._ids.max(initial=-1) + 1, dtype=bool)
        occurs[self._ids] = True  # `bincount` would copy the ids as 64-bit numbers
        occurring: list[int] = np.flatnonzero(occurs).tolist()
        return occurring

    def _text(self, text: int, further: tuple[Feature, ...] = ()) -> Feature:
        target: list[int] = self._part("target", self._target, text).tolist()
        here = self._between("ids", text)
        offsets = self._part("offsets", self._offsets, text).reshape(-1, 2).tolist()
        return Feature(
            self._string(int(self._name[text])),
            self._ids[here],
            self._types[here],
            target[0] if self._single[text] else target,
            tuple(self._part("words", self._words, text).tolist()),
            further,
            tuple((start, end) for start, end in offsets),
            self._string(int(self._context[text])),
        )

    def _string(self, number: int) -> str:
        return self._part("strings", self._strings, number).tobytes().decode()

    def _part(self, name: str, values: Array, number: int) -> Array:
        return values[self._between(name, number)]

    def _between(self, name: str, number: int) -> slice:
        return slice(*self._ends[name][number : number + 2].tolist())


class ConcatFeatures(LazySequence):
    """The features of several parts in order, their ids prefixed with the part's name."""

    def __init__(self, parts: Sequence[tuple[str, Sequence[Feature]]]) -> None:
        self.parts = parts
        self._ends = np.cumsum([len(part) for _, part in parts])

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def _at(self, index: int) -> Feature:
        number = int(np.searchsorted(self._ends, index, side="right"))
        mark, part = self.parts[number]
        return _marked(part[index - int(self._ends[number])], mark)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """[n] sub-words of each feature's longest text."""
        return np.concatenate([np.zeros(0, int), *(lengths(part) for _, part in self.parts)])

    @property
    def text_counts(self) -> NDArray[np.int64]:
        """[n] number of texts of each feature."""
        return np.concatenate([np.zeros(0, int), *(text_counts(part) for _, part in self.parts)])

    def occurring_ids(self) -> list[int]:
        """Sorted sub-word ids that occur."""
        return sorted({index for _, part in self.parts for index in occurring_ids(part)})


def lengths(features: Sequence[Feature]) -> NDArray[np.int64]:
    """[n] sub-words of each feature's longest text, with the states of its images.

    Stored features are not built for it.
    """
    if isinstance(features, LazySequence):
        return features.lengths
    counts = [feature.max_tokens + feature.image_tokens for feature in features]
    return np.array(counts, dtype=np.int64)


def text_counts(features: Sequence[Feature]) -> NDArray[np.int64]:
    """[n] number of texts of each feature, without building stored features."""
    if isinstance(features, LazySequence):
        return features.text_counts
    return np.array([len(feature.texts) for feature in features], dtype=np.int64)


def word_counts(features: Sequence[Feature]) -> NDArray[np.int64]:
    """[n] number of words of each feature's first text."""
    if isinstance(features, LazySequence):
        return features.word_counts
    return np.array([len(feature.words) for feature in features], dtype=np.int64)


def occurring_ids(features: Sequence[Feature]) -> list[int]:
    """Sorted sub-word ids that occur in the features."""
    if isinstance(features, LazySequence):
        return features.occurring_ids()
    return sorted({index for text in id_lists(features) for index in text})


def write_features(folder: Path, pieces: Iterable[Sequence[Feature]]) -> int:
    """Write features, piece by piece, in the layout above; returns how many there were.

    Strings are distinct within a piece only: a table of those of all would be most of the memory.
    """
    count = strings = 0
    with ExitStack() as opened:
        columns = {name: opened.enter_context(_column(folder, name)) for name in (*KINDS, *OFFSETS)}
        for piece in pieces:
            count += len(piece)
            numbers = _StringNumbers(strings)
            for name, values in _flat(piece, numbers):
                columns[name].append(values)
            strings += len(numbers)
    return count


def _column(folder: Path, name: str) -> GrowingArray:
    path = folder / f"{name}.npy"
    return GrowingArray(path, KINDS[name]) if name in KINDS else GrowingOffsets(path)


class _StringNumbers(dict[str, int]):
    """String → its number, counted from `first` in the order of first use."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self.first = first

    def __missing__(self, string: str) -> int:
        self[string] = number = self.first + len(self)
        return number


def _flat(piece: Sequence[Feature], numbers: _StringNumbers) -> Iterator[tuple[str, Array]]:
    """The columns of some features; `numbers` gets their strings."""
    texts = [text for feature in piece for text in feature.texts]
    targets: list[Sequence[float]] = [
        text.target if isinstance(text.target, list) else [text.target] for text in texts
    ]
    yield "first", _sizes(feature.texts for feature in piece)
    flat: dict[str, Iterable[float]] = {
        "name": (numbers[text.id] for text in texts),
        "context": (numbers[text.context] for text in texts),
        "single": (not isinstance(text.target, list) for text in texts),
        "types": chain.from_iterable(text.types for text in texts),
    }
    for name, values in flat.items():
        yield name, _array(name, values)
    ragged: dict[str, Iterable[Sequence[float]]] = {
        "ids": list(id_lists(piece)),
        "target": targets,
        "words": [text.words for text in texts],
        "offsets": [list(chain.from_iterable(text.offsets)) for text in texts],
        "strings": [string.encode() for string in numbers],
    }
    for name, lists in ragged.items():
        yield name, _array(name, chain.from_iterable(lists))
        yield f"{name}-ends", _sizes(lists)


def _array(name: str, values: Iterable[float]) -> Array:
    listed = list(values)
    is_float = name == "target" and any(isinstance(value, float) for value in listed)
    return np.array(listed, dtype=np.float64 if is_float else KINDS[name])


def _sizes(lists: Iterable[Sequence[object]]) -> Array:
    return np.array([len(values) for values in lists], dtype=np.int64)


def _mapped(folder: Path, name: str) -> Array:
    mapped = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped.view(np.ndarray))  # slices of a memmap take longer


def _marked(feature: Feature, mark: str) -> Feature:
    further = tuple(_marked(text, mark) for text in feature.extra_texts)
    return replace(feature, id=f"{mark}{feature.id}", extra_texts=further)
