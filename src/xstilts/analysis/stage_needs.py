"""Which experiments and studies of a store need which stages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.analysis.run_records import DAMAGE, FOLDER, SEPARATOR, parse_record
from xstilts.core.errors import StoreError, UnknownNameError, XstiltsError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_layout import ENTRY_NAMES, PINS
from xstilts.planning.study_stages import ANSWER, STAGES, STUDIES, answer_stages, study_stages

SET_ASIDE = re.compile(rf"(?P<name>.+{SEPARATOR}[0-9a-f-]+\.json)\.\d+")
"""The name that a damaged record has in `damaged/`."""


@dataclass(frozen=True)
class Need:
    """The stages that a run of an experiment or a study needs.

    Args:
        experiment: its name.
        path: of the record or the study's folder, in the store.
        stages: key → stage.
        cells: keys of its scores; none of a study.
    """

    experiment: str
    path: str
    stages: Mapping[str, Stage]
    cells: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The experiment, or the study and its experiment."""
        folder, _, rest = self.path.partition("/")
        return self.experiment if folder == FOLDER else f"study {rest}"


@dataclass(frozen=True)
class StageNeeds:
    """What all experiments and studies of a store need.

    Args:
        unreadable: path in the store → what is wrong with it; what it needs is unknown.
    """

    needs: tuple[Need, ...] = ()
    unreadable: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> list[Need]:
        """The runs and studies of an experiment, or the one run of a record's name.

        Raises:
            UnknownNameError: there is none.
            StoreError: a record or a study of it cannot be read, so that its needs are unknown.
        """
        run = f"{FOLDER}/{name}.json"
        if lines := [f"{p}: {why}" for p, why in self.unreadable.items() if _is_of(p, name)]:
            raise StoreError(
                "\n  ".join([f"it is not known which stages {name} needs:", *lines]),
                todo="run the experiment or study again, which writes it again; or delete the file",
            )
        if own := [need for need in self.needs if name == need.experiment or run == need.path]:
            return own
        names = {need.experiment for need in self.needs}
        raise UnknownNameError("experiment of the store", name, names)

    @property
    def stages(self) -> dict[str, Stage]:
        """Key → stage, of everything that is needed."""
        return {key: stage for need in self.needs for key, stage in need.stages.items()}

    def by_stage(self) -> dict[str, list[str]]:
        """Key → names of the experiments and studies that need it."""
        named: dict[str, list[str]] = {}
        for need in self.needs:
            for key in need.stages:
                names = named.setdefault(key, [])
                if need.name not in names:
                    names.append(need.name)
        return named


def stage_needs(store: Store) -> StageNeeds:
    """What the experiments and studies of a store need.

    A damaged record in `damaged/` counts as unreadable, unless its experiment was run again.

    Raises:
        StoreError: a folder of the store cannot be read.
    """
    needs, unreadable = list[Need](), dict[str, str]()
    for path in _records(store):
        try:
            record = parse_record(path)
        except (*DAMAGE, OSError) as error:
            unreadable[_within(store, path)] = _text(error)
            continue
        cells = frozenset(cell.key for cell in record.cells)
        needs.append(Need(record.experiment, _within(store, path), record.plan.by_key, cells))
    for path in _study_files(store):
        try:
            stages = _stages_of(path, store)
        except (*DAMAGE, OSError, XstiltsError) as error:
            unreadable[_within(store, path)] = _text(error)
            continue
        needs.append(Need(path.parent.parent.name, _within(store, path.parent), stages))
    names = set(store.names(FOLDER))
    for name in store.names("damaged"):
        match = SET_ASIDE.fullmatch(name)
        if match and match["name"] not in names:
            unreadable[f"damaged/{name}"] = "a damaged record that was set aside"
    return StageNeeds(tuple(needs), unreadable)


def needs_state(store: Store) -> list[tuple[str, int]]:
    """What changes when an experiment or study is recorded: folders and their last changes."""
    folders = [store.root / FOLDER, store.root / PINS, *_study_folders(store)]
    return [(str(path), path.stat().st_mtime_ns) for path in folders if path.is_dir()]


def _records(store: Store) -> Iterator[Path]:
    for name in store.names(FOLDER):
        if ENTRY_NAMES[FOLDER].fullmatch(name) and name.endswith(".json") and name[0] != ".":
            yield store.root / FOLDER / name


def _study_folders(store: Store) -> Iterator[Path]:
    for experiment in store.names(STUDIES):
        for study in store.names(f"{STUDIES}/{experiment}"):
            yield store.root / STUDIES / experiment / study


def _study_files(store: Store) -> Iterator[Path]:
    """The file of each study that says what it needs; other folders have none."""
    for folder in _study_folders(store):
        named = (folder / name for name in (STAGES, ANSWER) if os.path.lexists(folder / name))
        if path := next(named, None):
            yield path


def _stages_of(path: Path, store: Store) -> Mapping[str, Stage]:
    if path.name == STAGES:
        return {stage.key: stage for stage in study_stages(path)}
    return answer_stages(path, store)


def _is_of(path: str, name: str) -> bool:
    """Whether a path in a store is that of a study or record of an experiment, or of one run."""
    folder, _, rest = path.partition("/")
    if folder == STUDIES:
        return rest.partition("/")[0] == name
    run = rest.partition(".json")[0]
    return name in (run, run.rpartition(SEPARATOR)[0])


def _within(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()


def _text(error: Exception) -> str:
    return error.what if isinstance(error, XstiltsError) else f"{type(error).__name__}: {error}"
