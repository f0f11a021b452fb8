"""Intermediate tasks as points: what was measured of each, and what each gains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import pandas as pd

from xstilts.analysis.gains import ENGLISH, Gains, mean_or_nan
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.measures_table import measures_table
from xstilts.config.intermediate import parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.estimate import NAN, Estimate
from xstilts.statistics.group_contrast import COLUMNS
from xstilts.statistics.hierarchical import over_languages_and_seeds
from xstilts.studies.base import OWN, Evidence
from xstilts.studies.text import join_names
from xstilts.tasks.base import TaskSpec

PLACE = ["measure", "task", "other", "language", "seed"]


def all_measures(evidence: Evidence) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The measures, NaN where a stage failed, and a sentence for each measure that lacks some.

    A measure that failed for one seed must not be the mean of the others.
    """
    asked = pd.DataFrame(
        [[getattr(one, name) for name in PLACE] for one in evidence.measured], columns=PLACE
    )
    known = measures_table(evidence.measured, evidence.facts)
    table = asked.merge(known, on=PLACE, how="left", indicator="where")
    lost = table[table["where"] == "left_only"].groupby("measure", sort=False)["task"].unique()
    return table.drop(columns="where"), tuple(
        f"{measure} is not known, as a stage behind it failed or is missing: "
        f"{join_names(list(names))}."
        for measure, names in lost.items()
    )


def measured_of(measures: pd.DataFrame, measure: str) -> pd.Series[float]:
    """Task → its measure, mean over languages and seeds; NaN where one of these failed."""
    rows = measures[measures["measure"] == measure]
    return rows.groupby("task", sort=False)["value"].agg(mean_or_nan).astype(float)


def task_table(measures: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """[tasks, measures], means over languages and seeds; NaN where not measured.

    Args:
        measures: see `measured.measures_table`; the tasks are all that it has.
        names: the measures to keep.
    """
    tasks = list(dict.fromkeys(measures["task"]))
    found = {name: measured_of(measures, name).reindex(tasks) for name in names}
    return pd.DataFrame(found, index=pd.Index(tasks, name="task"))


def has_scores(evidence: Evidence, targets: Collection[str], variant: str = OWN) -> bool:
    """Whether any run on these targets, by their plain names, has a score yet."""
    results = evidence.results[variant]
    there = results.loc[results["value"].notna(), "target"]
    return any(task_of(str(target)) in targets for target in there.unique())


def non_english(gains: pd.DataFrame) -> pd.DataFrame:
    """The rows of languages other than English: what is asked is transfer."""
    return gains[gains["language"] != ENGLISH]


def gains_by_task(gains: Gains, tasks: Collection[str]) -> pd.DataFrame:
    """The gains of some settings abroad as `statistics.groups` reads them; see its `COLUMNS`.

    A task that failed on a target has one row there, NaN: a contrast leaves it out as a whole.
    Where nothing was to be had (the task holds the target's data, say) there is no row.
    """
    mine = gains.among(tasks)
    rows = non_english(mine.table).rename(columns={"intermediate": "task"})[list(COLUMNS)]
    failed = [(one.intermediate, one.target, "", 0, NAN) for one in mine.exclusions if one.failed]
    if not failed:
        return rows.reset_index(drop=True)
    return pd.concat([rows, pd.DataFrame(failed, columns=list(COLUMNS))], ignore_index=True)


def mean_over_runs(
    gains: pd.DataFrame, tasks: Collection[str], value: str = "gain"
) -> pd.DataFrame:
    """[tasks, targets] means over languages other than English and seeds; NaN where left out.

    Args:
        gains: see `gains.GainsCheck.table`.
        tasks: settings to keep.
        value: `gain` or `score`.
    """
    rows = non_english(gains)
    rows = rows[rows["intermediate"].isin(tasks)]
    return rows.pivot_table(index="intermediate", columns="target", values=value, sort=False)


def pooled(means: pd.DataFrame) -> pd.Series[float]:
    """Task → its mean over all targets; a task that lacks one of them is left out."""
    return means.dropna().mean(axis=1)


def mean_gain(gains: pd.DataFrame, task: str, targets: Collection[str]) -> Estimate:
    """A task's mean gain over targets, languages and seeds, and its interval.

    Every target's languages are rows of one table; languages and seeds stand for others.
    """
    rows = non_english(gains)
    rows = rows[(rows["intermediate"] == task) & rows["target"].isin(targets)]
    table = rows.pivot_table(index=["target", "language"], columns="seed", values="gain")
    return over_languages_and_seeds(table.to_numpy(dtype=float))


def single_tasks(loaded: LoadedExperiment) -> dict[str, TaskSpec]:
    """Setting → its task, for the settings that are one task in its own language."""
    names, found = ResolvedExperiment(loaded), {}
    for text in loaded.experiment.intermediate:
        setting = parse_setting(text)
        if setting.single and not setting.single.languages:
            task = names.task(setting.single.task, "intermediate")
            if task.format_spec.gold:
                found[setting.name] = task
    return found


def searched_targets(loaded: LoadedExperiment, targets: Iterable[str]) -> tuple[str, ...]:
    """Those targets that are not trained but searched with the encoder's vectors, each once."""
    names = ResolvedExperiment(loaded)
    return tuple(
        target
        for target in dict.fromkeys(targets)
        if names.task(task_of(target)).format_spec.search
    )


def dev_metrics(loaded: LoadedExperiment, tasks: Iterable[str]) -> Mapping[str, str]:
    """Setting of one task → the metric that its dev score is in."""
    names = ResolvedExperiment(loaded)
    return {
        task: names.task(parse_setting(task).parts[0].task).metrics[0]
        for task in dict.fromkeys(tasks)
    }
