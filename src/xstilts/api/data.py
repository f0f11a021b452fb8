"""Check data files before anything runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path

from xstilts.api.inputs import data_folder, load
from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.planning.data_uses import trainings
from xstilts.planning.identical_files import warn_of_identical_files
from xstilts.planning.missing_splits import (
    missing_splits,
    split_named_otherwise,
    todo_without_split,
)
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.shared_examples import warn_of_shared_examples
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.data_check import SplitReport, SplitState, check_split
from xstilts.tasks.shuffled_labels import original_name
from xstilts.tasks.suites import ALL, NeededData, is_needed, members


def check_data(names: str | Sequence[str], data: Path | str | None = None) -> Iterator[SplitReport]:
    """Read every split and language of suites and tasks, and report its rows and problems.

    Splits that only the hub has are reported but not downloaded. Files of an experiment's own
    targets that have the content of another file are warned of, as when it is planned, and so are
    evaluated examples and dev examples with the input of one that is trained on.

    Args:
        names: suites (`tasks.suites.SUITES`), tasks, and experiment files, whose own tasks and
            other tasks are checked.
        data: the folder of the user's files; files missing there are looked up in its `xtreme`.

    Raises:
        UnknownNameError: neither a suite nor a task.
        ConfigError: no such folder, or an experiment that is not valid.
    """
    given = [names] if isinstance(names, str) else list(names)
    files = [name for name in given if name.endswith((".yaml", ".yml"))]
    wanted = members(name for name in given if name not in files)
    folder = data_folder(data)
    experiments = [load(file, data=folder) for file in files]
    tasks = [list(_tasks_of(loaded)) for loaded in experiments]
    return chain(_reports(wanted, folder), *map(_experiment_reports, experiments, tasks))


def _tasks_of(loaded: LoadedExperiment) -> Iterator[TaskSpec]:
    """The own tasks of an experiment, and the others that it uses.

    Raises:
        UnknownNameError, ConfigError: with file and line.
    """
    resolved, experiment = ResolvedExperiment(loaded), loaded.experiment
    settings = [*experiment.intermediate, *(one.adapted_by for one in experiment.all_encoders)]
    parts = [parse_setting(text).parts for text in settings if text]
    with loaded.locating_errors():
        targets = [resolved.task(name) for name in experiment.targets]
        trained = [ref.task for target in targets for ref in resolved.train_refs(target)]
        used = [*experiment.targets, *trained, *(ref.task for refs in parts for ref in refs)]
        names = dict.fromkeys(map(original_name, (*experiment.tasks, *used)))
        yield from [resolved.task(name) for name in names]


def _experiment_reports(
    loaded: LoadedExperiment, tasks: Sequence[TaskSpec]
) -> Iterator[SplitReport]:
    """The splits of an experiment's tasks: all of its own, and what it reads of others."""
    resolved, own = ResolvedExperiment(loaded), loaded.experiment.tasks
    targets = {original_name(name) for name in loaded.experiment.targets}
    for task in tasks:
        is_own, used = task.name in own, ALL if task.name in targets else ALL[:2]
        read_as = {part: resolved.split_slice(task, part).split for part in used}
        own_tests = task.languages_of(read_as.get("test", "test"))
        tested = own_tests if is_own else resolved.languages(task)
        read = [name for name in dict.fromkeys(read_as.values()) if name in task.splits]
        for split in task.splits if is_own else read:
            parts = [part for part in used if read_as[part] == split]
            for code in (*task.languages_of(split), *task.pool_parts):
                of_code = [
                    part for part in parts if part != "test" or code in (*tested, *task.pool_parts)
                ]
                if of_code or is_own:
                    needed = any(is_needed(task, split, code, used, part) for part in of_code)
                    yield check_split(task, split, code, needed=needed)
    with loaded.locating_errors():
        missing = dict.fromkeys(_missing(resolved))
    for name, split, code, todo in missing:
        why = f"not in its `splits`; {todo}".rstrip("; ")
        yield SplitReport(name, split, code, needed=True, state=SplitState.MISSING, why=why)
    warn_of_identical_files(resolved)
    warn_of_shared_examples(resolved)


def _missing(resolved: ResolvedExperiment) -> Iterator[tuple[str, str, str, str]]:
    """(task, split, language, what to do) of splits that plans refuse tasks without."""
    for one in trainings(resolved):
        task, where = resolved.task(one.part.task), "targets" if one.target else "intermediate"
        if task.format_spec.search:
            continue
        for language, split in missing_splits(resolved, one.part):
            todo = todo_without_split(resolved, task, language, where)
            yield original_name(task.name), split, language, todo
    for target in map(resolved.task, resolved.experiment.targets):
        split = resolved.split_slice(target, resolved.experiment.eval_split).split
        if split not in target.splits:
            todo = split_named_otherwise(target, split)
            yield target.name, split, target.train_language, todo


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
