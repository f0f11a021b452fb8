"""What a study reads: gains, measures and training steps of the tasks that it compares."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd

from xstilts.analysis.gains import Gains, compute_gains
from xstilts.analysis.layer_sweeps import pick_default_layer, task_of
from xstilts.analysis.measures_table import COLUMNS, planned_measures
from xstilts.analysis.mixed_runs import mixed_gains
from xstilts.analysis.task_gains import gains_by_task, mean_over_runs
from xstilts.analysis.training_steps import steps_of
from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.planning.compile import ResultCell
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.studies.base import OWN, Evidence
from xstilts.studies.render import join_names
from xstilts.tasks.base import TaskSpec


@dataclass(frozen=True)
class StudyData:
    """Gains and measures; the data points are intermediate tasks.

    Args:
        gains: by run.
        tasks: settings of one task, the data points.
        group: the tasks that are compared with the others; empty in studies of correlations.
        measures: see `analysis.measures_table`; NaN where a stage failed.
        failed_measures: measure → the tasks without it.
        targets: of the experiment; a sweep over layers is one target.
        scored: the targets on which a zero-shot run has a score.
        steps: setting → optimizer steps, where its training is finished.
        cells, results: the runs behind the gains, see `zero_shot_runs`.
    """

    gains: Gains
    tasks: tuple[str, ...]
    group: frozenset[str] = frozenset()
    measures: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(COLUMNS)))
    failed_measures: Mapping[str, list[str]] = field(default_factory=dict)
    targets: tuple[str, ...] = ()
    scored: frozenset[str] = frozenset()
    steps: Mapping[str, int] = field(default_factory=dict)
    cells: tuple[ResultCell, ...] = ()
    results: pd.DataFrame = field(default_factory=pd.DataFrame)

    @cached_property
    def table(self) -> pd.DataFrame:
        """Gains of the tasks by run; see `analysis.task_gains.gains_by_task`."""
        return gains_by_task(self.gains, self.tasks)

    @cached_property
    def means(self) -> pd.DataFrame:
        """[tasks, targets] mean gains."""
        return mean_over_runs(self.gains.table, self.tasks)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """[tasks, targets] mean scores."""
        return mean_over_runs(self.gains.table, self.tasks, "score")

    @property
    def others(self) -> frozenset[str]:
        """The tasks that are not in the group."""
        return frozenset(self.tasks) - self.group

    @property
    def caveats(self) -> tuple[str, ...]:
        """What is excluded from the gains, and failed measures."""
        failed = (
            f"{measure} is unknown, because a stage that it needs failed or is missing: "
            f"{join_names(tasks)}."
            for measure, tasks in self.failed_measures.items()
        )
        return (*self.gains.caveats(), *failed)


def read_data(
    evidence: Evidence,
    tasks: Iterable[str] | None = None,
    group: Collection[str] = (),
    variant: str = OWN,
) -> StudyData:
    """The data of the experiment as written or of a variant.

    Args:
        tasks: settings of one task, whose gains alone are read; by default the gains of all
            settings are, and the tasks are those with measures.
    """
    measures, failed = planned_measures(evidence.measured, evidence.facts)
    results, cells, _ = zero_shot_runs(evidence, variant)
    gains = gains_in(evidence, variant)
    if tasks is None:
        tasks = dict.fromkeys(measures["task"])
    else:
        tasks = tuple(tasks)
        gains = gains.among(tasks)
    scored = results.loc[results["value"].notna(), "target"].unique()
    return StudyData(
        gains,
        tuple(tasks),
        frozenset(group),
        measures,
        failed,
        tuple(dict.fromkeys(cell.target for cell in cells)),
        frozenset(map(str, scored)),
        steps_of(cells, evidence.facts, tasks),
        cells,
        results,
    )


def gains_in(evidence: Evidence, variant: str = OWN) -> Gains:
    """The gains of the experiment as written or of a variant; a sweep over layers is one target."""
    frame, cells, swept = zero_shot_runs(evidence, variant)
    baseline = evidence.loaded.experiment.baseline
    mixed = mixed_gains(cells, baseline, evidence.store)
    return replace(compute_gains(frame, cells, baseline), swept=swept, mixed=mixed)


def zero_shot_runs(
    evidence: Evidence, variant: str = OWN
) -> tuple[pd.DataFrame, tuple[ResultCell, ...], tuple[str, ...]]:
    """Results and cells under the plain names of targets; see `pick_default_layer`."""
    return pick_default_layer(
        evidence.results[variant], evidence.cells.get(variant, ()), evidence.loaded
    )


def single_tasks(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """Setting → its task, where it adds one task in its own language to the baseline.

    Controls with shuffled labels are no tasks of which a study asks anything.
    """
    names, tasks = ResolvedExperiment(loaded), {}
    baseline = parse_setting(loaded.experiment.baseline)
    for text in loaded.experiment.intermediate:
        added = parse_setting(text).after(baseline)
        if added and added.single and not added.single.languages:
            task = names.task(added.single.task, "intermediate")
            if task.format_spec.gold and not task.shuffled_from:
                tasks[text] = task
    return tasks


def searched_targets(loaded: LoadedExperiment, targets: Iterable[str]) -> tuple[str, ...]:
    """The targets that are not trained but searched with the encoder's vectors."""
    names = ResolvedExperiment(loaded)
    tasks = {target: names.task(task_of(target)) for target in targets}
    return tuple(target for target, task in tasks.items() if not names.is_trained(task))


def dev_metrics(loaded: LoadedExperiment, tasks: Iterable[str]) -> dict[str, str]:
    """Setting of one task → the metric of its dev score."""
    names = ResolvedExperiment(loaded)
    parts = {task: parse_setting(task).chain[-1][0].task for task in tasks}
    return {task: names.task(part).metrics[0] for task, part in parts.items()}
