"""Read every file of a store, and say what is damaged.

for damage in xstilts.store_verify().damaged: print(damage.path, damage.problem)
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from xstilts.analysis.run_records import FOLDER, parse_record
from xstilts.analysis.stage_needs import stage_needs
from xstilts.api.inputs import AnyStore, existing_store
from xstilts.core.artifact import DamagedArtifact
from xstilts.core.cpu import available_cores
from xstilts.core.errors import XstiltsError
from xstilts.core.folder_sizes import FolderSizes
from xstilts.core.hashing import without_digest
from xstilts.core.leases import SILENT
from xstilts.core.pins import Pins
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_entries import check_artifact, foreign_files, foreign_paths
from xstilts.core.store_layout import (
    ENTRY_NAMES,
    FEATURES,
    GAINS,
    KEY,
    LEASES,
    MARKER,
    PINS,
    is_store,
    mark,
    own_folders,
)
from xstilts.planning.study_stages import ANSWER, STAGES, STUDIES, study_stages
from xstilts.training.checkpoint_files import STEP, checked_facts

PENDING = 64
"""Files that wait to be read, per core."""
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError, XstiltsError)
EXTERNAL = ("prepare", "translate", "encoder", "vision")
"""Kinds of stages that read the user's files or a hub."""


@dataclass(frozen=True)
class Damage:
    """A damaged entry of a store.

    Args:
        path: in the store; of an artifact, its folder.
        problem: which file is damaged, and how.
        needed_by: experiments and studies.
        stage: whose artifact it is, if known.
        remedy: what a repair, or the next run, does about it.
        moved_to: path in the store, once it was set aside.
    """

    path: str
    problem: str
    remedy: str
    needed_by: tuple[str, ...] = ()
    stage: Stage | None = None
    moved_to: str = ""


@dataclass
class Verification:
    """What a verification read and what is damaged.

    Args:
        files, bytes: that were read.
        foreign: paths in the store that no store writes; they stay.
        journal_lines: damaged lines of the journal, which are skipped.
        again: stages that the next runs make again: damaged ones that are needed, and what they
            read and was dropped.
        seconds: expected for them, in one process.
    """

    root: Path
    files: int = 0
    bytes: int = 0
    damaged: list[Damage] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    journal_lines: int = 0
    again: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class _Check:
    """An entry to read, and the function that raises if it is damaged."""

    path: Path
    read: Callable[[], object]
    remedy: str
    key: str = ""


def store_verify(
    store: AnyStore | None = None,
    *,
    repair: bool = False,
    on_read: Callable[[int], None] | None = None,
) -> Verification:
    """Read every file of a store, with one thread per core.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        repair: move what is damaged to `damaged/`, so that the next run makes it again. Foreign
            files stay, and so do damaged lines of the journal.
        on_read: called with the number of bytes that were read since the last call.

    Raises:
        StoreError: the folder holds something else than a store, or cannot be read or written.
    """
    opened = existing_store(store)
    result = Verification(opened.root)
    needs = stage_needs(opened)
    stages, named = needs.stages, needs.by_stage()
    sizes = FolderSizes()
    for check, problem in _checked(_checks(opened)):
        count = sizes.measure(check.path)
        result.files += 1
        result.bytes += count
        if on_read:
            on_read(count)
        if problem:
            damage = Damage(_within(opened, check.path), problem, check.remedy)
            key = check.key
            users = tuple(named.get(key, ()))
            damage = replace(damage, needed_by=users, stage=stages.get(key))
            result.damaged.append(_with_remedy(damage, key))
    result.foreign.extend(_foreign(opened))
    result.journal_lines = _damaged_lines(opened.journal.path)
    result.damaged.sort(key=lambda one: one.path)
    again = _made_again(opened, result.damaged, stages)
    result.again, result.seconds = len(again), sum(stage.cost.seconds for stage in again)
    if repair and result.damaged:
        opened.prepare()
        result.damaged = [_set_aside(opened, damage) for damage in result.damaged]
    return result


def _made_again(
    store: Store, damaged: Sequence[Damage], stages: Mapping[str, Stage]
) -> list[Stage]:
    """The damaged stages that are needed, and the stages that these read and that have no files."""
    todo = [damage.stage for damage in damaged if damage.stage and damage.needed_by]
    again: dict[str, Stage] = {}
    while todo:
        stage = todo.pop()
        if stage.key not in again:
            again[stage.key] = stage
            inputs = (key for key in stage.inputs.values() if key in stages)
            todo += [stages[key] for key in inputs if not store.has(key)]
    return list(again.values())


def _with_remedy(damage: Damage, key: str) -> Damage:
    """The damage of an artifact, with what makes it again."""
    if damage.remedy or not key:
        return damage
    if not damage.needed_by:
        return replace(damage, remedy="no experiment needs it, so that none makes it again")
    source = ""
    if damage.stage and damage.stage.kind in EXTERNAL:
        source = ", from the same data or encoder, which must still be there"
    return replace(damage, remedy=f"the next run makes it again{source}")


def _checks(store: Store) -> Iterator[_Check]:
    """Everything in a store that is to be read, largest folders first."""
    for path in own_folders(store.root / "artifacts", KEY):
        artifact = store.artifact(path.name)
        yield _Check(path, partial(check_artifact, artifact), "", path.name)
    features = store.root / FEATURES
    if not features.is_symlink() and is_store(features):
        for path in own_folders(features / "artifacts", KEY):
            artifact = Store(features).artifact(path.name)
            remedy = "stages that read them prepare the features again"
            yield _Check(path, partial(check_artifact, artifact), remedy)
    for folder in own_folders(store.root / "checkpoints", KEY):
        for path in own_folders(folder, STEP):
            remedy = "the training continues from the checkpoint before, or from its beginning"
            yield _Check(path, partial(checked_facts, path, folder.name), remedy)
    yield from _small_files(store)


def _small_files(store: Store) -> Iterator[_Check]:
    """Records, answers, plans, pins, leases and the marker."""
    record = "run the experiment again, which makes the record again; until then `gc` refuses"
    for name in store.names(FOLDER):
        if ENTRY_NAMES[FOLDER].fullmatch(name) and name.endswith(".json") and name[0] != ".":
            path = store.root / FOLDER / name
            yield _Check(path, partial(parse_record, path), record)
    for experiment in store.names(STUDIES):
        for study in store.names(f"{STUDIES}/{experiment}"):
            folder = store.root / STUDIES / experiment / study
            readers: tuple[tuple[str, Callable[[Path], object]], ...] = (
                (STAGES, study_stages),
                (ANSWER, _json_object),
            )
            for name, read in readers:
                if (folder / name).is_file():
                    again = "run the study again"
                    yield _Check(folder / name, partial(read, folder / name), again)
    for name in filter(ENTRY_NAMES[GAINS].fullmatch, store.names(GAINS)):
        path = store.root / GAINS / name
        yield _Check(path, partial(_json_object, path), "the gains are computed again")
    for name in store.names("plans"):
        path = store.root / "plans" / name
        if path.suffix == ".json":
            yield _Check(path, partial(_json, path), "the next run writes it")
    damaged_pins = Pins(store.root).damaged
    for name in store.names(PINS):
        if ENTRY_NAMES[PINS].fullmatch(name):
            yield _Check(
                store.root / PINS / name,
                partial(_raise, damaged_pins.get(name)),
                "pin again; until it is set aside, it keeps every artifact",
            )
    for key in store.names(LEASES):
        newest = store.leases.newest(key)
        if newest and newest[1] is None and time.time() - newest[0] > SILENT:
            path = store.root / LEASES / key
            yield _Check(path, partial(_raise, "the lease cannot be read"), "`gc` removes it")
    marker = store.root / MARKER
    if marker.is_file():
        yield _Check(marker, partial(_json_object, marker), "it is written again")


def _raise(problem: str | None) -> None:
    if problem:
        raise ValueError(problem)


def _json(path: Path) -> Any:
    """The JSON value in a file."""
    return json.loads(path.read_bytes())


def _json_object(path: Path) -> None:
    """Check that a file holds a JSON object that is what was written.

    Raises:
        ValueError: it does not.
    """
    content = _json(path)
    if not isinstance(content, dict):
        raise ValueError("it is not a JSON object")
    without_digest(content)


def _checked(checks: Iterator[_Check]) -> Iterator[tuple[_Check, str]]:
    """Each check as it ends, with what is wrong; only some wait at a time."""
    cores = available_cores()
    with ThreadPoolExecutor(cores) as threads:
        running = dict[Future[str], _Check]()
        while True:
            for check in islice(checks, max(0, cores * PENDING - len(running))):
                running[threads.submit(_problem, check)] = check
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()


def _problem(check: _Check) -> str:
    """What is wrong with an entry; empty if nothing is, or if it has gone meanwhile."""
    try:
        check.read()
    except DAMAGE as error:
        if not os.path.lexists(check.path):
            return ""
        if isinstance(error, DamagedArtifact):
            return error.what.partition(": ")[2]
        return error.what if isinstance(error, XstiltsError) else str(error) or repr(error)
    return ""


def _foreign(store: Store) -> Iterator[str]:
    yield from foreign_paths(store.root)
    for path in own_folders(store.root / "artifacts", KEY):
        try:
            for name in foreign_files(store.artifact(path.name)):
                yield f"artifacts/{path.name}/{name}"
        except DAMAGE:
            continue


def _damaged_lines(path: Path) -> int:
    """Lines of the journal that are no JSON."""
    count = 0
    if path.is_file():
        with path.open("rb") as file:
            for line in file:
                try:
                    json.loads(line)
                except (ValueError, RecursionError):
                    count += bool(line.strip())
    return count


def _set_aside(store: Store, damage: Damage) -> Damage:
    """Move a damaged entry to `damaged/`."""
    path = store.root / damage.path
    if not os.path.lexists(path):  # a run has set it aside meanwhile
        return damage
    name = damage.path.replace("/", "-") if not damage.path.startswith(FOLDER) else path.name
    name = path.name if damage.path.startswith("artifacts/") else name
    moved = store.set_aside(path, name)
    store.journal.write("damaged", path=damage.path, moved_to=moved)
    if damage.path == MARKER:
        mark(store.root)
    return replace(damage, moved_to=moved)


def _within(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()
