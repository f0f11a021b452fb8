"""What was run in a store: a file for each experiment as it was, with its stages and cells.

The file is named after the experiment, a digest of its configuration and, unless an earlier
version wrote it, a digest of its data: other data under the same file names are another run. A
record that cannot be read is left out with a warning.
"""

from __future__ import annotations

import fnmatch
import glob
import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.analysis.encoder_identity import plans_by_encoder
from xstilts.config.experiment import Experiment
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import ABSENT, unreadable
from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import (
    DIGEST,
    digest_of,
    digest_of_object,
    with_digest,
    without_digest,
)
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.warn_once import warn_once
from xstilts.planning.compile import CompiledPlan, ResultCell

FOLDER = "experiments"
SEPARATOR = "@"
"""Between the experiment's name and the digests in a file's name."""
VERSION = 1
"""Of a record; one of a higher version was written by a newer version of the package."""
DATA_PARAMS = ("data", "translator", "source")
"""Parameters of stages that hold digests of data, translators and encoders."""
DAMAGE = (*ABSENT, ValueError, KeyError, TypeError, AttributeError, RecursionError)
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RunRecord:
    """An experiment as it was run in a store.

    Args:
        experiment: its name.
        digests: of what it was and of its data; a file's name has both.
        config: the experiment as JSON; keys of recipes have their former names.
    """

    experiment: str
    digests: str
    cells: tuple[ResultCell, ...]
    plan: Plan
    config: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def name(self) -> str:
        """The name of its file, without the ending."""
        return f"{self.experiment}{SEPARATOR}{self.digests}"


def labelled_records(store: Store) -> dict[str, RunRecord]:
    """The records of a store by their experiment's name, with digests where it is not unique."""
    saved = list(saved_records(store))
    counts = Counter(record.experiment for record in saved)
    return {
        record.experiment if counts[record.experiment] == 1 else record.name: record
        for record in saved
    }


def saved_records(store: Store, name: str | None = None) -> Iterator[RunRecord]:
    """The records of an experiment's name, or all, that can be read; the newest last.

    Raises:
        StoreError: the operating system cannot read one.
    """
    for path in records(store, name):
        try:
            yield parse_record(path)
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
    written = json.loads(path.read_bytes())
    record = without_digest(written)
    if record.get("file", path.name) != path.name:
        raise ValueError(f"it is that of {record['file']}")
    if record.get("version", VERSION) > VERSION:
        raise ValueError("a newer version of xstilts wrote it")
    stages = tuple(Stage.from_json(stage) for stage in record["stages"])
    experiment, _, digests = path.stem.rpartition(SEPARATOR)
    found = RunRecord(
        experiment,
        digests,
        tuple(map(_cell, record["cells"])),
        Plan(stages),
        record.get("experiment", {}),
    )
    if record.keys() == written.keys():
        _check_references(found)
    return found


def _check_references(record: RunRecord) -> None:
    """Check that a record without a digest contains every stage that it refers to.

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

    One that was changed and has no result yet does not hide what came out of it before.
    """
    found: dict[tuple[str, str], CompiledPlan] = {}
    every = [
        ((record.experiment, encoder), part)
        for record in saved_records(store)
        for encoder, part in plans_by_encoder(CompiledPlan(record.plan, record.cells)).items()
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
    record = {"file": path.name, **_record(loaded, compiled)}
    if os.path.lexists(path):
        if not path.is_symlink() and _holds(path, record):
            path.touch()
            return path
        if not _readable(path):
            store.set_aside(path, path.name)
    write_json(path, with_digest(record))
    return path


def _holds(path: Path, record: Mapping[str, Any]) -> bool:
    """Whether a file is an undamaged copy of a record."""
    try:
        written = json.loads(path.read_bytes())
        without_digest(written)
        return bool(written.get(DIGEST) == digest_of_object(record))
    except DAMAGE:
        return False


def _record(loaded: LoadedExperiment, compiled: CompiledPlan) -> dict[str, Any]:
    """A record as JSON."""
    return {
        "version": VERSION,
        "experiment": experiment_config(loaded.experiment),
        "text": loaded.text,
        "origin": Path(loaded.origin).name,
        "stages": [stage.to_json() for stage in compiled.plan.stages],
        "cells": [dict(vars(cell)) for cell in compiled.cells],
    }


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
        record = _readable(earlier)
        if record and {cell.key for cell in record.cells} == keys:
            return earlier
    return path


def data_digest(stages: Iterable[Stage]) -> str:
    """A digest of everything that the stages read from outside the store."""
    params = [
        {name: stage.params[name] for name in DATA_PARAMS if name in stage.params}
        for stage in stages
    ]
    return digest_of(sorted(digest_of([value]) for value in params if value))


def _readable(path: Path) -> RunRecord | None:
    """The record in a file, unless it is missing or cannot be read."""
    try:
        return parse_record(path)
    except DAMAGE:
        return None
