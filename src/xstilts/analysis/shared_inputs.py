"""Evaluated rows whose input a training of their model has too."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from xstilts.analysis.row_names import SetName, source_name
from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.errors import StoreError
from xstilts.core.store import Store
from xstilts.formats.input_hashes import Hashes, are_in
from xstilts.stages.io.prepared_inputs import read_inputs
from xstilts.stages.io.rows import read_table
from xstilts.stages.prepare import ROWS

SHOWN = 3
"""Languages named, at most."""
PREDICT, TRAIN = "predict", "train:"


@dataclass(frozen=True)
class SharedInputs:
    """Rows of an evaluated part that have an input of a trained part.

    Args:
        evaluated, trained: the parts, with the languages in which they share inputs.
        count: rows of the evaluated part that share their input.
        rows: all its rows in these languages.
        first: id of the first one, with its language if there are several.
    """

    evaluated: str
    trained: str
    count: int
    rows: int
    first: str


@dataclass(frozen=True)
class UnreadInputs:
    """A set whose hashes cannot be read.

    Args:
        name: of the set.
        problem: names its artifact.
    """

    name: str
    problem: DamagedArtifact | StoreError


@dataclass
class InputComparison:
    """Compares evaluated sets with the training sets behind their predictions.

    All trainings behind a model count. Each set is read once, and each pair compared once. Sets
    without hashes, which earlier versions prepared, are not compared; nor are sets whose hashes
    cannot be read, see `unread`.
    """

    store: Store
    _trained: dict[str, dict[tuple[str, str | None], None]] = field(default_factory=dict)
    _hashes: dict[str, Hashes | None] = field(default_factory=dict)
    _sorted: dict[str, Hashes | None] = field(default_factory=dict)
    _pairs: dict[tuple[str, str], NDArray[np.bool_] | None] = field(default_factory=dict)
    _unread: dict[str, UnreadInputs] = field(default_factory=dict)

    def of(self, stages: Iterable[Artifact]) -> list[SharedInputs]:
        """What the sets that stages predict share; one for each pair of parts of tasks."""
        found: dict[tuple[str, str], _Pair] = {}
        for evaluated, trained in dict.fromkeys(self._used(stages)):
            mask = self._shared(evaluated, trained)
            if mask is not None:
                names = source_name(evaluated, self.store), source_name(trained, self.store)
                pair = found.setdefault((names[0].part, names[1].part), _Pair(*names))
                pair.add(evaluated, *names, mask)
        return [pair.summary(self.store) for pair in found.values()]

    def unread(self, stages: Iterable[Artifact]) -> list[UnreadInputs]:
        """The sets that stages predict or their models are trained on and that cannot be read."""
        keys = dict[str, None]()
        for pair in dict.fromkeys(self._used(stages)):
            self._shared(*pair)
            keys |= dict.fromkeys(pair)
        return [self._unread[key] for key in keys if key in self._unread]

    def _used(self, stages: Iterable[Artifact]) -> Iterator[tuple[str, str]]:
        """(evaluated set, training set of the same format) of each prediction.

        Hashes of two formats are never equal, so that comparing them would only take time.
        """
        for stage in stages:
            described = stage.manifest["stage"]
            inputs = described["inputs"]
            if described["kind"] == PREDICT and "model" in inputs:
                kind, evaluated = described["params"].get("format"), inputs["rows"]
                for trained, its_kind in self._training_sets(inputs["model"]):
                    if its_kind == kind and trained != evaluated:
                        yield evaluated, trained

    def _training_sets(self, key: str) -> dict[tuple[str, str | None], None]:
        """(key, format) of the sets of a training, and of all trainings that it continues."""
        if key not in self._trained:
            self._trained[key] = sets = dict[tuple[str, str | None], None]()
            artifact = self.store.get_finished(key)
            described = artifact.manifest["stage"] if artifact else {"inputs": {}}
            for role, source in described["inputs"].items():
                if role == "base":
                    sets |= self._training_sets(source)
                elif role.startswith(TRAIN):
                    task = role.removeprefix(TRAIN).rpartition(":")[0]
                    known = described["params"].get("tasks", {}).get(task, {})
                    sets[source, known.get("format")] = None
        return self._trained[key]

    def _shared(self, evaluated: str, trained: str) -> NDArray[np.bool_] | None:
        """[rows] Whether each evaluated row has an input of a training set; None if none has."""
        pair = evaluated, trained
        if pair not in self._pairs:
            rows, others = self._read(evaluated), self._read_sorted(trained)
            mask = None if rows is None or others is None else are_in(rows, others)
            self._pairs[pair] = mask if mask is not None and mask.any() else None
        return self._pairs[pair]

    def _read(self, key: str) -> Hashes | None:
        if key not in self._hashes:
            self._hashes[key] = self._read_inputs(key)
        return self._hashes[key]

    def _read_sorted(self, key: str) -> Hashes | None:
        if key not in self._sorted:
            hashes = self._read_inputs(key)
            self._sorted[key] = None if hashes is None else np.unique(hashes)
        return self._sorted[key]

    def _read_inputs(self, key: str) -> Hashes | None:
        try:
            return read_inputs(key, self.store)
        except (DamagedArtifact, StoreError) as error:
            name = source_name(key, self.store)
            self._unread[key] = UnreadInputs(f"{name.part} {name.language}".rstrip(), error)
            return None


@dataclass
class _Pair:
    """What is shared by an evaluated and a trained part, language by language."""

    evaluated: SetName
    trained: SetName
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    languages: dict[str, None] = field(default_factory=dict)
    trained_languages: dict[str, None] = field(default_factory=dict)

    def add(self, key: str, evaluated: SetName, trained: SetName, mask: NDArray[np.bool_]) -> None:
        """Add the rows that an evaluated set shares with one training set."""
        self.masks[key] = self.masks[key] | mask if key in self.masks else mask
        self.languages[evaluated.language] = None
        self.trained_languages[trained.language] = None

    def summary(self, store: Store) -> SharedInputs:
        """The counts over all languages."""
        (key, mask), *others = self.masks.items()
        first = _row_id(key, int(mask.argmax()), store)
        return SharedInputs(
            _named(self.evaluated.part, self.languages),
            _named(self.trained.part, self.trained_languages),
            sum(int(one.sum()) for one in self.masks.values()),
            sum(map(len, self.masks.values())),
            f"{self.evaluated.language} {first}" if others else first,
        )


def _named(part: str, languages: Iterable[str]) -> str:
    """A part with its languages, the first few by name."""
    known = list(filter(None, languages))
    more = [f"{len(known) - SHOWN} more"] if len(known) > SHOWN else []
    return f"{part} {', '.join(known[:SHOWN] + more)}".rstrip()


def _row_id(key: str, place: int, store: Store) -> str:
    """The id of a row; its number where an export has left out the rows."""
    if not store.has(key):
        return f"row {place + 1}"
    return str(read_table(store.read(key, ROWS), ["id"]).column("id")[place])
