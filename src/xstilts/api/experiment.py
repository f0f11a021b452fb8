"""The verbs of xstilts, for notebooks and for the command line alike.

loaded = xstilts.load("quickstart")
xstilts.plan(loaded)              what would run, and why
xstilts.run(loaded)               runs what is missing
xstilts.results(loaded)           a pandas frame
xstilts.report(loaded, "report.html")
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.results import results_frame
from xstilts.analysis.run_records import newest, recorded_cells, records
from xstilts.api.handle import AnyExperiment, open_experiment
from xstilts.api.load import AnyStore, load, open_store
from xstilts.api.plan_summary import PlanSummary, check_disk_space
from xstilts.api.run_options import RunOptions
from xstilts.api.run_plans import has_todo, run_plans
from xstilts.config.load import LoadedExperiment
from xstilts.core.atomic_io import read_json
from xstilts.core.devices import AUTO
from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan, StageState
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import LOCAL, RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.tasks import TASKS
from xstilts.tasks.data_check import SplitReport, check_split
from xstilts.tasks.suites import is_needed, members

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.claims.judge import Judgement
    from xstilts.reports.sections import Section
    from xstilts.reports.xtreme.write import Submission
    from xstilts.trackers.base import Tracker

__all__ = [
    "best", "check_data", "check_disk_space", "claims", "gains", "load",
    "open_store", "plan", "report", "results", "run", "status", "submissions", "xtreme_table",
]  # fmt: skip
SUBMISSION = "xtreme"


def plan(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    workers: int | None = None,
    devices: str = AUTO,
) -> PlanSummary:
    """Every stage of an experiment: done or to do, why, and the expected time and disk.

    Args:
        workers, devices: see `run`.

    Raises:
        ConfigError: no such file or preset, or an invalid one.
    """
    return open_experiment(experiment, store).summary(RunOptions(workers, devices))


def run(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    workers: int | None = None,
    devices: str = AUTO,
    isolate: bool = False,
    executor: str = LOCAL,
    trackers: Sequence[str | Tracker] = (),
    on_event: Listener = ignore_events,
) -> RunResult:
    """Run what is missing of an experiment; call again after any interruption.

    Args:
        workers: processes at a time; by default one per GPU, or per core of a CPU (at most 4).
        devices: `auto` (all GPUs, else the CPU), `cpu`, or GPUs such as `0,1`.
        isolate: a fresh process for every stage.
        executor: its name in `executors.EXECUTORS`.
        trackers: names in `trackers.TRACKERS`, or trackers; each gets every event.
        on_event: called with every event, in this process.

    Raises:
        ConfigError: no such executor, tracker or device, or no folder for tasks that are read
            from the user's files.
        MissingPackageError: a tracker's package is not installed.
        StoreError: the store cannot be written.
    """
    handle = open_experiment(experiment, store)
    try:
        return run_plans(
            [handle.part],
            handle.store,
            RunOptions(workers, devices, isolate, executor, trackers),
            on_event,
            statuses=handle.statuses,
        )
    finally:
        if has_todo(handle.statuses):
            handle.refresh()


def results(experiment: AnyExperiment | None = None, store: AnyStore | None = None) -> pd.DataFrame:
    """The scores known so far as a tidy frame; of all the store's experiments if none is given.

    Columns: encoder, intermediate, target, language, split, seed, metric, value, n, key, states.
    """
    if experiment is not None:
        return open_experiment(experiment, store).results
    snapshot = StoreSnapshot(open_store(store))
    return results_frame(recorded_cells(snapshot), snapshot)


def gains(experiment: AnyExperiment, store: AnyStore | None = None) -> pd.DataFrame:
    """The gain of every setting over the baseline, with intervals; see `analysis.gains`."""
    return open_experiment(experiment, store).gains


def best(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    candidates: Collection[str] | None = None,
) -> pd.DataFrame:
    """Each target's best setting, selected by dev scores, and its gain; see `analysis.selection`.

    Args:
        candidates: settings to choose from; by default all but the baseline.
    """
    from xstilts.analysis.selection import best_per_target

    handle = open_experiment(experiment, store)
    if candidates is None:
        return handle.best
    return best_per_target(handle.compiled, handle.snapshot, handle.results, candidates)


def xtreme_table(experiment: AnyExperiment, store: AnyStore | None = None) -> Section | None:
    """Settings by XTREME's targets, groups and average; none without a score of these."""
    from xstilts.reports.eval_splits import nonstandard_splits_note
    from xstilts.reports.sections import xtreme_section

    handle = open_experiment(experiment, store)
    targets = handle.loaded.experiment.targets
    note = nonstandard_splits_note(handle.compiled)
    return xtreme_section(handle.results, handle.best, targets, note)


def claims(store: AnyStore | None = None, path: Path | str | None = None) -> tuple[Judgement, ...]:
    """What the experiments of a store say of published claims; see `studies.ledger`.

    Judged are the newest runs of each experiment's name and encoder.

    Args:
        path: a YAML file of claims; by default those of Phang et al. 2020.

    Raises:
        ConfigError: with file and line; or no experiment was run in the store.
    """
    from xstilts.claims.evidence import evidence_of
    from xstilts.claims.judge import judge
    from xstilts.claims.schema import load_claims
    from xstilts.reports.eval_splits import nonstandard_splits

    listed, place = load_claims(path), StoreSnapshot(open_store(store))
    bodies = [
        evidence_of(name, compiled, place, nonstandard_splits(compiled))
        for name, compiled in newest(place)
    ]
    if not bodies:
        raise ConfigError(
            f"no experiment was run in {place.root}", todo="xstilts run quickstart --store DIR"
        )
    return judge(listed, bodies)


def report(
    experiment: AnyExperiment,
    path: Path | str | None = None,
    store: AnyStore | None = None,
    *,
    form: str = "html",
) -> Path:
    """Write an experiment's report as html, its tables as md or latex, its gains as csv or parquet.

    The form `xtreme` writes a folder of submissions to XTREME; see `submissions`.

    Raises:
        ConfigError: an unknown form.
        StoreError: the file cannot be written.
    """
    handle = open_experiment(experiment, store)
    if form == SUBMISSION:
        target = submission_folder(handle.loaded, path)
        submissions(handle, target)
        return target
    from xstilts.reports.build import write_report
    from xstilts.reports.html import ReportData

    facts = ReportData(
        handle.loaded.experiment,
        handle.compiled,
        handle.statuses,
        handle.snapshot,
        handle.results,
        handle.gains,
        handle.best,
    )
    return write_report(facts, form, Path(path) if path else None)


def submissions(
    experiment: AnyExperiment,
    path: Path | str | None = None,
    store: AnyStore | None = None,
) -> list[Submission]:
    """Write the test predictions as XTREME's leaderboard takes them, and check them.

    A submission for each encoder, intermediate setting and seed, in the folder
    PATH/ENCODER/SETTING/seed-N and as a zip file of that name. What is missing is named in its
    `problems`.

    Raises:
        ConfigError: nothing can be submitted.
    """
    from xstilts.reports.xtreme.write import write_submissions

    handle = open_experiment(experiment, store)
    target = submission_folder(handle.loaded, path)
    return write_submissions(handle.compiled, handle.snapshot, target, handle.loaded.data)


def submission_folder(loaded: LoadedExperiment, path: Path | str | None = None) -> Path:
    """Where submissions are written: the folder given, else ./xstilts-NAME-xtreme."""
    return Path(path) if path else Path(f"xstilts-{loaded.experiment.name}-{SUBMISSION}")


def check_data(names: Sequence[str], data: Path | str | None = None) -> Iterator[SplitReport]:
    """What there is of the data of suites and tasks: see `tasks.survey.SplitReport`.

    Args:
        names: suites (`tasks.suites.SUITES`) and tasks.
        data: the folder of the user's files; where it is missing from there, its `xtreme`.

    Raises:
        UnknownNameError: neither a suite nor a task.
    """
    place = Path(data).expanduser().absolute() if data else None
    if place and not place.is_dir():
        raise ConfigError(f"no folder {place}", where="--data")
    for name, splits in members(names).items():
        task = TASKS.get(name)
        for split in task.splits:
            for code in task.languages_of(split):
                needed = is_needed(task, split, code, splits)
                yield check_split(task, split, code, place, needed=needed)


@dataclass(frozen=True)
class ExperimentStatus:
    """How far an experiment that was run in a store is."""

    name: str
    stages: int
    states: dict[StageState, int]


def status(store: Store) -> list[ExperimentStatus]:
    """Every experiment that was run in a store, by name."""
    found = []
    for path in records(store):
        stages = tuple(Stage.from_json(stage) for stage in read_json(path)["stages"])
        states = Counter(standing.state for standing in Plan(stages).standings(store).values())
        found.append(ExperimentStatus(path.stem, len(stages), dict(states)))
    return found
