"""The verbs of xstilts, for notebooks and for the command line alike.

loaded = xstilts.load("quickstart")
xstilts.plan(loaded)              what would run, and why
xstilts.run(loaded)               runs what is missing
xstilts.results(loaded)           a pandas frame
xstilts.report(loaded, "report.html")
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.analysis.results import example_scores, expected, results_frame
from xstilts.analysis.run_records import newest, recorded_cells, records, save_record
from xstilts.config.load import LoadedExperiment
from xstilts.config.load import load as load_experiment
from xstilts.core.atomic_io import read_json
from xstilts.core.cpu import available_cores
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.stage import Stage
from xstilts.core.store import Store, to_store_error
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor, RunResult
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.cost import calibration
from xstilts.planning.data_sources import DataSource, data_sources
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.validate import check_folder
from xstilts.tasks import TASKS
from xstilts.tasks.data_check import SplitReport, check_split
from xstilts.tasks.suites import is_needed, members

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.claims.judge import Judgement
    from xstilts.reports.sections import Section
    from xstilts.reports.xtreme.write import Submission

SUBMISSION = "xtreme"
DEFAULT_STORE = "xstilts-store"


def open_store(store: Store | Path | str | None = None) -> Store:
    """A store: the one given, else $XSTILTS_STORE, else ./xstilts-store."""
    if isinstance(store, Store):
        return store
    return Store(store or os.environ.get("XSTILTS_STORE") or DEFAULT_STORE)


def load(
    name_or_path: str,
    overrides: Sequence[str] = (),
    *,
    encoder: str | None = None,
    data: Path | str | None = None,
) -> LoadedExperiment:
    """An experiment from a YAML file or a preset's name.

    Args:
        overrides: texts `a.b=value`.
        encoder: a folder or a Hugging Face name to take instead of the experiment's.
        data: a folder to take instead of the experiment's `data`.

    Raises:
        ConfigError: with file and line.
    """
    changes = []
    if encoder is not None:
        local = Path(encoder).expanduser()
        name = str(local.absolute()) if local.is_dir() else encoder
        changes.append(f"encoder.name={json.dumps(name)}")
    if data is not None:
        changes.append(f"data={json.dumps(str(Path(data).expanduser().absolute()))}")
    return load_experiment(name_or_path, [*changes, *overrides])


@dataclass(frozen=True)
class PlanSummary:
    """What is done, what is to do and why, and what that will need.

    Args:
        seconds: expected for what is to do, on `workers` processes.
        bytes: expected growth of the store.
        operations: with floating-point numbers, of what is to do.
        supplies: where the data of what is to do would come from.
    """

    compiled: CompiledPlan
    standings: dict[str, StageStatus]
    stage_seconds: dict[str, float]
    seconds: float
    bytes: int
    free_bytes: int
    measured: bool
    operations: float
    supplies: tuple[DataSource, ...]

    @cached_property
    def todo(self) -> list[Stage]:
        """Stages that would run."""
        return [
            stage
            for stage in self.compiled.plan.stages
            if self.standings[stage.key].state is StageState.TODO
        ]


def plan(
    loaded: LoadedExperiment, store: Store | Path | str | None = None, *, workers: int | None = None
) -> PlanSummary:
    """Every stage of an experiment: done or to do, why, and the expected time and disk."""
    place = open_store(store)
    return plan_summary([(loaded, compile_with_history(loaded, place))], place, workers)


CompiledExperiment = tuple[LoadedExperiment, CompiledPlan]
"""An experiment and what it was compiled to."""


def plan_summary(
    parts: Sequence[CompiledExperiment], store: Store, workers: int | None = None
) -> PlanSummary:
    """What is done and to do of experiments whose stages run as one plan, the main one first."""
    compiled = replace(parts[0][1], plan=merge_plans(parts))
    standings = compiled.plan.standings(store)
    ratios = calibration(compiled.plan, standings)
    seconds = {
        stage.key: stage.cost.seconds * ratios.get(stage.kind, 1.0)
        for stage in compiled.plan.stages
    }
    todo = {
        key: compiled.plan.by_key[key]
        for key, standing in standings.items()
        if standing.state is StageState.TODO
    }
    return PlanSummary(
        compiled,
        standings,
        seconds,
        seconds=sum(seconds[key] for key in todo) / (workers or default_workers()),
        bytes=sum(stage.cost.bytes for stage in todo.values()),
        free_bytes=store.free_bytes(),
        measured=bool(ratios),
        operations=sum(stage.cost.operations for stage in todo.values()),
        supplies=tuple(_data_sources(parts, todo)),
    )


def merge_plans(parts: Sequence[CompiledExperiment]) -> Plan:
    """The plan of all their stages; equal ones are one."""
    known: dict[str, Any] = {}
    for _, compiled in parts:
        known |= compiled.plan.known
    return Plan(Plan.of(stage for _, one in parts for stage in one.plan.stages).stages, known)


def _data_sources(
    parts: Sequence[CompiledExperiment], todo: Mapping[str, Stage]
) -> Iterator[DataSource]:
    """Where the data of what is to do would come from, by the experiment that knows the task."""
    left = dict(todo)
    for loaded, compiled in parts:
        yield from data_sources(
            loaded, [left.pop(key) for key in compiled.plan.by_key if key in left]
        )


def run(
    loaded: LoadedExperiment,
    store: Store | Path | str | None = None,
    *,
    workers: int | None = None,
    isolate: bool = False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> RunResult:
    """Run what is missing of an experiment; call again after any interruption.

    Raises:
        ConfigError: there is no folder for tasks that only files have.
        StoreError: the store cannot be written.
    """
    place = open_store(store)
    parts = [(loaded, compile_with_history(loaded, place))]
    return run_plans(parts, place, workers=workers, isolate=isolate, on_event=on_event)


def run_plans(
    parts: Sequence[CompiledExperiment],
    store: Store,
    *,
    workers: int | None = None,
    isolate: bool = False,
    on_event: Callable[[Event], None] = lambda _: None,
) -> RunResult:
    """Run what is missing of experiments as one plan; the first is the one that is remembered."""
    for loaded, _ in parts:
        check_folder(ResolvedExperiment(loaded))
    store.prepare()
    executor = LocalExecutor(store, workers=workers or default_workers(), isolate=isolate)
    try:
        store.cleanup()
        save_record(*parts[0], store)
        return executor.run(merge_plans(parts), on_event)
    except OSError as error:  # the workers' own are told by the workers
        raise to_store_error(error, store.root) from error


def results(
    loaded: LoadedExperiment | None = None, store: Store | Path | str | None = None
) -> pd.DataFrame:
    """The scores known so far as a tidy frame; of all the store's experiments if none is given.

    Columns: encoder, intermediate, target, language, split, seed, metric, value, n, key, note.
    """
    place = open_store(store)
    cells = compile_experiment(loaded).cells if loaded else recorded_cells(place)
    return results_frame(cells, place)


def gains(loaded: LoadedExperiment, store: Store | Path | str | None = None) -> pd.DataFrame:
    """The gain of every setting over the baseline, with intervals; see `analysis.stats`."""
    from xstilts.analysis.gains import gain_table

    place = open_store(store)
    cells = compile_experiment(loaded).cells
    return gain_table(example_scores(cells, place), results_frame(cells, place), expected(cells))


def best(
    loaded: LoadedExperiment,
    store: Store | Path | str | None = None,
    *,
    candidates: Collection[str] | None = None,
) -> pd.DataFrame:
    """Each target's best setting, chosen by English dev, and its gain; see `analysis.best`.

    Args:
        candidates: settings to choose from; by default all but the baseline.
    """
    from xstilts.analysis.selection import best_per_target

    place = open_store(store)
    compiled = compile_experiment(loaded)
    return best_per_target(compiled, place, results_frame(compiled.cells, place), candidates)


def xtreme_table(
    loaded: LoadedExperiment, store: Store | Path | str | None = None
) -> Section | None:
    """Settings by XTREME's targets, groups and average; none without a score of these."""
    from xstilts.reports.eval_splits import nonstandard_splits_note
    from xstilts.reports.sections import xtreme_section

    compiled = compile_experiment(loaded)
    targets = loaded.experiment.targets
    found = results(loaded, store)
    return xtreme_section(found, best(loaded, store), targets, nonstandard_splits_note(compiled))


def claims(
    store: Store | Path | str | None = None, path: Path | str | None = None
) -> tuple[Judgement, ...]:
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

    listed, place = load_claims(path), open_store(store)
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
    loaded: LoadedExperiment,
    path: Path | str | None = None,
    store: Store | Path | str | None = None,
    *,
    form: str = "html",
) -> Path:
    """Write an experiment's report as html, its tables as md or latex, its gains as csv or parquet.

    The form `xtreme` writes a folder of submissions to XTREME; see `submissions`.

    Raises:
        ConfigError: an unknown form.
    """
    if form == SUBMISSION:
        target = submission_folder(loaded, path)
        submissions(loaded, target, store)
        return target
    from xstilts.reports.build import write_report
    from xstilts.reports.html import ReportData

    place = open_store(store)
    outlook = plan(loaded, place)
    facts = ReportData(
        loaded.experiment,
        outlook.compiled,
        outlook.standings,
        place,
        results(loaded, place),
        gains(loaded, place),
        best(loaded, place),
    )
    return write_report(facts, form, Path(path) if path else None)


def submissions(
    loaded: LoadedExperiment,
    path: Path | str | None = None,
    store: Store | Path | str | None = None,
) -> list[Submission]:
    """Write the test predictions as XTREME's leaderboard takes them, and check them.

    A submission for each encoder, intermediate setting and seed, in the folder
    PATH/ENCODER/SETTING/seed-N and zipped beside it. What is missing is named in its `problems`.

    Raises:
        ConfigError: nothing can be submitted.
    """
    from xstilts.reports.xtreme.write import write_submissions

    target = submission_folder(loaded, path)
    return write_submissions(compile_experiment(loaded), open_store(store), target, loaded.data)


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


def check_disk_space(outlook: PlanSummary, store: Store) -> None:
    """Refuse to start what the disk cannot hold.

    Raises:
        StoreError: less is free than the plan is expected to write.
    """
    if outlook.bytes > outlook.free_bytes:
        raise StoreError(
            f"the plan writes about {outlook.bytes / 1e9:.1f} GB, and the disk of {store.root} "
            f"has {outlook.free_bytes / 1e9:.1f} GB free",
            todo="free some space, or give another folder with --store",
        )


def default_workers() -> int:
    """One process for each processor that this process may use, at most four; one with a GPU."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return 1  # several would share its memory
    return min(4, available_cores())


def compile_with_history(loaded: LoadedExperiment, store: Store) -> CompiledPlan:
    """The compiled experiment, with its last run's stages to tell what has changed."""
    compiled = compile_experiment(loaded)
    known: dict[str, Any] = {}
    for path in records(store, loaded.experiment.name):
        known |= {stage["label"]: stage for stage in read_json(path)["stages"]}
    return replace(compiled, plan=Plan(compiled.plan.stages, known))
