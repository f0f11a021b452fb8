"""What was run in a store: a file for each experiment as it was, with its stages and cells.

The file is named after the experiment, a digest of its configuration and, unless an earlier
version wrote it, a digest of its data: other data under the same file names are another run. A
record that cannot be read is left out with a warning.
"""

from __future__ import annotations

import fnmatch
import glob
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from xstilts.analysis.encoder_identity import plans_by_encoder
from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import ABSENT, unreadable
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan
from xstilts.core.record_files import (
    CELLS,
    STAGES,
    RecordContent,
    is_record_of_lines,
    read_record,
    written_digest,
)
from xstilts.core.shared_values import SharedValues
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.warn_once import warn_once
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.other_models import ORIGIN

FOLDER = "experiments"
SEPARATOR = "@"
"""Between the experiment's name and the digests in a file's name."""
VERSION = 1
"""Of a record; one of a higher version was written by a newer version of the package."""
DATA_PARAMS = ("data", "translator", "source")
"""Parameters of stages that hold digests of data, translators and encoders."""
DAMAGE = (*ABSENT, ValueError, KeyError, TypeError, AttributeError, RecursionError)
T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """An experiment as it was run in a store.

    Args:
        experiment: its name.
        digests: of what it was and of its data; a file's name has both.
        config: the experiment as JSON; keys of recipes have their former names.
        origin: the name of its file, without folder; empty if it is not known.
        text: of that file.
    """

    experiment: str
    digests: str
    cells: tuple[ResultCell, ...]
    plan: Plan
    config: Mapping[str, Any] = field(default_factory=dict, compare=False)
    origin: str = field(default="", compare=False)
    text: str = field(default="", compare=False)

    @property
    def compiled(self) -> CompiledPlan:
        """Its plan, cells and baseline."""
        return CompiledPlan(self.plan, self.cells, recorded_baseline(self.config))

    @property
    def is_evaluation(self) -> bool:
        """Whether it is of a model that was trained elsewhere, by `xstilts evaluate`."""
        return self.origin == ORIGIN and not self.text

    @property
    def name(self) -> str:
        """The name of its file, without the ending."""
        return f"{self.experiment}{SEPARATOR}{self.digests}"


@dataclass(frozen=True)
class RecordedCells:
    """The cells of a record, without its stages; see `RunRecord`."""

    experiment: str
    digests: str
    cells: tuple[ResultCell, ...]
    config: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The name of the record's file, without the ending."""
        return f"{self.experiment}{SEPARATOR}{self.digests}"


def recorded_baseline(config: Mapping[str, Any]) -> str:
    """The baseline in a record's configuration; those of earlier versions name none."""
    return str(config.get("baseline", NO_INTERMEDIATE))


def labelled_cells(store: Store) -> dict[str, RecordedCells]:
    """The cells of a store's records by experiment, with digests where its name is not unique.

    A record is left out if a newer one of its experiment has all of its cells, as after a language
    was added.
    """
    saved = _not_contained(list(saved_cells(store)))
    counts = Counter(record.experiment for record in saved)
    return {
        record.experiment if counts[record.experiment] == 1 else record.name: record
        for record in saved
    }


def _not_contained(saved: Sequence[RecordedCells]) -> list[RecordedCells]:
    """The records that have a cell which no single newer one of their experiment has."""
    keys = [frozenset(cell.key for cell in record.cells) for record in saved]
    return [
        record
        for number, record in enumerate(saved)
        if not any(
            other.experiment == record.experiment and keys[later] >= keys[number]
            for later, other in enumerate(saved[number + 1 :], number + 1)
        )
    ]


def saved_records(store: Store, name: str | None = None) -> Iterator[RunRecord]:
    """The records of an experiment's name, or all, that can be read; the newest last.

    Raises:
        StoreError: the operating system cannot read one.
    """
    return _undamaged(parse_record, store, name)


def saved_cells(store: Store, name: str | None = None) -> Iterator[RecordedCells]:
    """The cells of `saved_records`; in a part of their time, as no stage is built.

    Raises:
        StoreError: the operating system cannot read one.
    """
    return _undamaged(parse_cells, store, name)


def _undamaged(parse: Callable[[Path], T], store: Store, name: str | None) -> Iterator[T]:
    for path in records(store, name):
        try:
            yield parse(path)
        except DAMAGE as error:
            _warn(path, error)
        except OSError as error:
            raise unreadable(path, error) from error


def parse_record(path: Path) -> RunRecord:
    """The record in a file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is damaged, or of a
            newer version.
    """
    shared = SharedValues()
    record = read_record(path, _cell, lambda stage: shared.stage(Stage.from_json(stage)))
    _check_head(record, path)
    plan = Plan(tuple(record[STAGES]))
    config, names = record.get("experiment", {}), _names(path)
    origin, text = (str(record.get(name, "")) for name in ("origin", "text"))
    found = RunRecord(*names, tuple(record[CELLS]), plan, config, origin, text)
    _check_references(found)
    return found


def parse_cells(path: Path) -> RecordedCells:
    """The cells of the record in a file.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is damaged, or of a
            newer version.
    """
    if not is_record_of_lines(path):
        found = parse_record(path)
        return RecordedCells(found.experiment, found.digests, found.cells, found.config)
    record = read_record(path, _cell, None)
    _check_head(record, path)
    return RecordedCells(*_names(path), tuple(record[CELLS]), record.get("experiment", {}))


def _names(path: Path) -> tuple[str, str]:
    """The experiment and the digests in a record's file name."""
    experiment, _, digests = path.stem.rpartition(SEPARATOR)
    return experiment, digests


def _check_head(record: Mapping[str, Any], path: Path) -> None:
    """Check that a record is that of its file, and of a known version.

    Raises:
        ValueError: it is not.
    """
    if record.get("file", path.name) != path.name:
        raise ValueError(f"it is that of {record['file']}")
    if record.get("version", VERSION) > VERSION:
        raise ValueError("a newer version of xstilts wrote it")


def _check_references(record: RunRecord) -> None:
    """Check that a record contains every stage that it refers to: the first ones had no digest.

    Raises:
        ValueError: a stage is missing, or differs from the one of its key.
    """
    used = {key for stage in record.plan.stages for key in stage.inputs.values()}
    used |= {key for cell in record.cells for key in (cell.key, *cell.trained_by)}
    if missing := used - record.plan.by_key.keys():
        raise ValueError(f"no stage {min(missing)[:12]}")


def _cell(record: dict[str, Any]) -> ResultCell:
    tuples = {name: tuple(record[name]) for name in ("metrics", "trained_by")}
    return ResultCell(**{**record, **tuples})


def _warn(path: Path, error: Exception) -> None:
    """Log a record that cannot be read, unless this process has done so."""
    warn_once(
        logger,
        "%s is left out: it is damaged or of a newer version (%s: %s)\n"
        "  → run the experiment again, or update xstilts",
        *(path, type(error).__name__, error),
    )


def records(store: Store, name: str | None = None) -> list[Path]:
    """The records of an experiment's name, or all: a file for each run, the newest last."""
    try:
        found = [(path.lstat().st_mtime_ns, path.name, path) for path in _paths(store, name)]
    except OSError as error:
        raise unreadable(store.root / FOLDER, error) from error
    return [path for _, _, path in sorted(found)]


def _paths(store: Store, name: str | None) -> Iterable[Path]:
    pattern = f"{'*' if name is None else glob.escape(name)}{SEPARATOR}*.json"
    return [store.root / FOLDER / entry for entry in fnmatch.filter(store.names(FOLDER), pattern)]


def newest(store: Store) -> list[tuple[str, CompiledPlan]]:
    """Experiments as they were last run with each encoder, the newest first.

    Evaluations of models that were trained elsewhere are none.
    One that was changed and has no result yet does not hide what came out of it before.
    """
    found: dict[tuple[str, str], CompiledPlan] = {}
    every = [
        ((record.experiment, encoder), part)
        for record in saved_records(store)
        if not record.is_evaluation
        for encoder, part in plans_by_encoder(record.compiled).items()
    ]
    every.sort(key=lambda run: any(store.has(cell.key) for cell in run[1].cells))
    for run, part in reversed(every):
        found.setdefault(run, part)
    return [(name, compiled) for (name, _), compiled in found.items()]


def save_record(loaded: LoadedExperiment, compiled: CompiledPlan, store: Store) -> Path:
    """Write down what was run, so that results and the next plan can refer to it.

    A record that is already there only becomes the newest. A damaged one of this name is moved to
    `damaged/`.
    """
    path = _record_path(loaded, compiled, store)
    content = _content(loaded, compiled, path.name)
    if os.path.lexists(path):
        if not path.is_symlink() and _holds(path, content):
            path.touch()
            return path
        if not _is_readable(path):
            store.set_aside(path, path.name)
    content.write(path)
    return path


def _holds(path: Path, content: RecordContent) -> bool:
    """Whether a file is an undamaged copy of a record, in the present layout."""
    try:
        return written_digest(path) == content.digest
    except ABSENT:
        return False


def _content(loaded: LoadedExperiment, compiled: CompiledPlan, file: str) -> RecordContent:
    head = {
        "version": VERSION,
        "file": file,
        "experiment": experiment_config(loaded.experiment),
        "text": loaded.text,
        "origin": Path(loaded.origin).name,
    }
    return RecordContent(head, compiled.cells, compiled.plan.stages)


def experiment_config(experiment: Experiment) -> dict[str, Any]:
    """The experiment as JSON, with the former names of renamed keys."""
    return experiment.model_dump(mode="json", by_alias=True)


def config_name(experiment: Experiment) -> str:
    """The experiment's name and the first digits of a digest of its configuration."""
    digest = digest_of(experiment_config(experiment))[:8]
    return f"{experiment.name}{SEPARATOR}{digest}"


def _record_path(loaded: LoadedExperiment, compiled: CompiledPlan, store: Store) -> Path:
    """The file of a run's record; an existing record of the same scores keeps its name."""
    name, data = loaded.experiment.name, data_digest(compiled.plan.stages)[:8]
    path = store.root / FOLDER / f"{config_name(loaded.experiment)}-{data}.json"
    if os.path.lexists(path):
        return path
    keys = {cell.key for cell in compiled.cells}
    for earlier in reversed(records(store, name)):
        with suppress(*DAMAGE):
            if {cell.key for cell in parse_cells(earlier).cells} == keys:
                return earlier
    return path


def data_digest(stages: Iterable[Stage]) -> str:
    """A digest of everything that the stages read from outside the store."""
    params = [
        {name: stage.params[name] for name in DATA_PARAMS if name in stage.params}
        for stage in stages
    ]
    return digest_of(sorted(digest_of([value]) for value in params if value))


def _is_readable(path: Path) -> bool:
    """Whether a file is an undamaged record of a known version."""
    try:
        parse_cells(path)
    except DAMAGE:
        return False
    return True
