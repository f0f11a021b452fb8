"""Features as flat arrays on disk, memory-mapped: all processes share one copy.

first.npy                          [n + 1] the texts of each feature
name.npy  context.npy              [t] each text's id and context, as numbers of strings
strings.npy  strings-ends.npy      UTF-8 of the distinct strings, and where each ends
single.npy                         [t] whether the target is one number
ids.npy  types.npy                 sub-words of all texts; ids-ends.npy where each text ends
target.npy  words.npy  offsets.npy the same, each with its own ends; numbers as targets are float64
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from xstilts.formats.base import Feature, id_lists

LAYOUT = 1
"""Raise it when the layout of the files changes."""

Array = NDArray[Any]
KINDS = {
    "first": np.int64,
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
            self._ids[here].tolist(),
            self._types[here].tolist(),
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
    """Write features, piece by piece, in the layout above; returns how many there were."""
    columns: dict[str, list[Array]] = {name: [] for name in KINDS if name != "strings"}
    ends: dict[str, list[Array]] = {name: [] for name in RAGGED}
    strings: dict[str, int] = {}
    count = 0
    for piece in pieces:
        count += len(piece)
        texts = [text for feature in piece for text in feature.texts]
        flat = dict(_flat(texts, strings))
        floats = any(isinstance(text.target, float) for text in texts)
        kinds = {**KINDS, "target": np.float64} if floats else KINDS
        flat["first"] = [len(feature.texts) for feature in piece]
        for name, values in flat.items():
            column = ends[name[:-5]] if name.endswith("-ends") else columns[name]
            column.append(np.array(values, dtype=kinds.get(name, np.int64)))
    coded = [string.encode() for string in strings]
    ends["strings"].append(np.array([len(code) for code in coded], dtype=np.int64))
    columns["strings"] = [np.frombuffer(b"".join(coded), dtype=np.uint8)]
    columns["first"] = [_sums(columns["first"])]
    for name, parts in columns.items():
        _save(folder, name, np.concatenate([np.zeros(0, KINDS[name]), *parts]))
    for name, parts in ends.items():
        _save(folder, f"{name}-ends", _sums(parts))
    return count


def _flat(texts: Sequence[Feature], strings: dict[str, int]) -> Iterator[tuple[str, list[Any]]]:
    """The columns of some texts; new strings get the next numbers."""
    targets: list[Sequence[float]] = [
        text.target if isinstance(text.target, list) else [text.target] for text in texts
    ]
    yield "name", [strings.setdefault(text.id, len(strings)) for text in texts]
    yield "context", [strings.setdefault(text.context, len(strings)) for text in texts]
    yield "single", [not isinstance(text.target, list) for text in texts]
    yield "types", list(chain.from_iterable(text.types for text in texts))
    ragged: dict[str, Sequence[Sequence[float]]] = {
        "ids": [text.ids for text in texts],
        "target": targets,
        "words": [text.words for text in texts],
        "offsets": [list(chain.from_iterable(text.offsets)) for text in texts],
    }
    for name, lists in ragged.items():
        yield name, list(chain.from_iterable(lists))
        yield f"{name}-ends", [len(values) for values in lists]


def _sums(parts: Sequence[Array]) -> Array:
    """Sizes → offsets of the items, including the end of the last."""
    return np.cumsum(np.concatenate([np.zeros(1, np.int64), *parts]), dtype=np.int64)


def _save(folder: Path, name: str, values: Array) -> None:
    np.save(folder / f"{name}.npy", values, allow_pickle=False)


def _mapped(folder: Path, name: str) -> Array:
    mapped = np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped.view(np.ndarray))  # slices of a memmap take longer


def _marked(feature: Feature, mark: str) -> Feature:
    further = tuple(_marked(text, mark) for text in feature.extra_texts)
    return replace(feature, id=f"{mark}{feature.id}", extra_texts=further)
