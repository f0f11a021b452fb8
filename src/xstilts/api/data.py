"""Check data files before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xstilts.core.errors import ConfigError
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.data_check import SplitReport, check_split
from xstilts.tasks.suites import NeededData, is_needed, members


def check_data(names: str | Sequence[str], data: Path | str | None = None) -> Iterator[SplitReport]:
    """Read every split and language of suites and tasks, and report its rows and problems.

    Splits that only the hub has are reported but not downloaded.

    Args:
        names: suites (`tasks.suites.SUITES`) and tasks.
        data: the folder of the user's files; files missing there are looked up in its `xtreme`.

    Raises:
        UnknownNameError: neither a suite nor a task.
        ConfigError: no such folder.
    """
    wanted = members([names] if isinstance(names, str) else names)
    folder = Path(data).expanduser().absolute() if data else None
    if folder and not folder.is_dir():
        raise ConfigError(f"no folder {folder}", where="--data")
    return _reports(wanted, folder)


def _reports(wanted: Mapping[str, NeededData], folder: Path | None) -> Iterator[SplitReport]:
    for name, data in wanted.items():
        task = TASKS.get(name)
        for split in task.splits:
            for code in (*_languages(task, split, data), *task.pool_parts):
                needed = is_needed(task, split, code, data.splits)
                yield check_split(task, split, code, folder, needed=needed)


def _languages(task: TaskSpec, split: str, data: NeededData) -> list[str]:
    """The languages of a split that the suites evaluate or train in."""
    every = task.languages_of(split)
    if data.languages is None:
        return list(every)
    return [code for code in every if code in data.languages or code == task.train_language]
