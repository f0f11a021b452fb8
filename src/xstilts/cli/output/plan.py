"""Output of `xstilts plan`: stages, expected time and disk use, data sources."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from xstilts.api.missing_data import missing_data
from xstilts.api.plan_precision import slow_bf16_warning
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.disk import disk_lines
from xstilts.cli.output.memory import memory_lines
from xstilts.cli.output.tables import FoldingTable, name, number, show_table, text
from xstilts.cli.output.units import gpu_hours_text
from xstilts.core.counted import counted
from xstilts.core.plan import NEVER_RUN, StageState
from xstilts.core.stage import Stage
from xstilts.core.units import duration, size
from xstilts.planning.cost import TFLOPS
from xstilts.planning.data_sources import DataSource
from xstilts.planning.recipe_search import search_trainings
from xstilts.planning.resolve import DEFAULT_ROWS
from xstilts.tasks.origin import OriginKind
from xstilts.tasks.shuffled_labels import original_name

STAGE_COLUMNS = (
    name("stage"), name("state", 2), number("time", 1), number("disk", 3), text("reason", 4)
)  # fmt: skip
KIND_COLUMNS = (
    name("kind"), number("stages", 3), number("to do"), number("time", 1), number("disk", 2)
)  # fmt: skip
LISTED = 200
"""Stages up to which a plan is listed stage by stage."""


def show_summary(summary: PlanSummary) -> None:
    """Numbers of stages by state, expected time and disk use, missing data, limits of the seeds."""
    for line in _totals(summary):
        print_text(console(), line)


def show_plan(summary: PlanSummary, *, all_stages: bool = False, tflops: float = TFLOPS) -> None:
    """What is to do, then totals, GPU-hours and data sources.

    Args:
        all_stages: list every stage, also those that are done or many.
        tflops: assumed speed of a GPU, in TFLOP/s.
    """
    out = console()
    stages = summary.compiled.plan.stages
    shown = stages if all_stages else [stage for stage in stages if not _is_done(summary, stage)]
    by_kind = not all_stages and len(shown) > LISTED
    if shown:
        show_table(out, _kind_table(summary) if by_kind else _stage_table(summary, shown))
    if by_kind or len(shown) < len(stages):
        print_text(out, "list every stage: xstilts plan … --all")
    show_summary(summary)
    if summary.todo:
        lines = (
            _gpu_hours(summary, tflops),
            *_recipe_search(summary, tflops),
            *summary.encoder_notes,
            *_data_sources(summary.supplies),
        )
        for line in lines:
            print_text(out, line)


def show_unread_tasks(summary: PlanSummary, file: str, tasks: Collection[str]) -> None:
    """The own tasks whose rows are to be read, and the command that reads them before a run.

    Args:
        file: of the experiment.
        tasks: names of its own tasks.
    """
    read = {original_name(source.task) for source in summary.supplies}
    if names := ", ".join(sorted(read.intersection(tasks))):
        print_text(console(), f"not read yet: the rows and labels of {names}; check them before:")
        print_line(console(), f"  xstilts data check {shlex.quote(file)}")


def _totals(summary: PlanSummary) -> Iterator[str]:
    yield summary.state_counts
    if summary.todo:
        basis = "measured in this store" if summary.measured else "rough estimate for a CPU"
        with_workers = f" with {summary.workers} workers" if summary.workers > 1 else ""
        yield f"expected: {duration(summary.seconds)}{with_workers} ({basis})"
        yield from disk_lines(summary)
        yield from memory_lines(summary)
        yield from filter(None, (slow_bf16_warning(summary),))
        yield from _encoder_costs(summary)
        yield from summary.power_notes
        yield from (f"missing: {data}" for data in missing_data(summary))


def _encoder_costs(summary: PlanSummary) -> Iterator[str]:
    """What each of several encoders alone needs."""
    for encoder, cost in summary.encoders.items():
        yield (
            f"  {encoder}: {counted(cost.stages, 'stage')} of its own to do, "
            f"{duration(cost.seconds)} in one process, {cost.operations:.1e} operations"
        )


def _is_done(summary: PlanSummary, stage: Stage) -> bool:
    return summary.statuses[stage.key].state is StageState.DONE


def _stage_table(summary: PlanSummary, stages: Sequence[Stage]) -> FoldingTable:
    """A row per stage; states and reasons have columns if they differ."""
    rows = []
    for stage in stages:
        status = summary.statuses[stage.key]
        todo = status.state is StageState.TODO
        time = duration(summary.stage_seconds[stage.key]) if todo else ""
        disk = size(stage.cost.bytes) if todo else ""
        why = "" if status.why == NEVER_RUN else status.why
        rows.append((stage.label, status.state, time, disk, why))
    used = [
        index
        for index, column in enumerate(STAGE_COLUMNS)
        if len({row[index] for row in rows}) > 1 or column.title not in ("state", "reason")
    ]
    return FoldingTable(
        [STAGE_COLUMNS[index] for index in used], [[row[index] for index in used] for row in rows]
    )


def _kind_table(summary: PlanSummary) -> FoldingTable:
    """Number of stages of each kind, with time and disk of those to do."""
    rows = []
    for kind, count in Counter(stage.kind for stage in summary.compiled.plan.stages).items():
        todo = [stage for stage in summary.todo if stage.kind == kind]
        seconds = sum(summary.stage_seconds[stage.key] for stage in todo)
        cost = (duration(seconds), size(sum(stage.cost.bytes for stage in todo)))
        rows.append((kind, f"{count:,}", f"{len(todo):,}", *(cost if todo else ("", ""))))
    return FoldingTable(KIND_COLUMNS, rows)


def _gpu_hours(summary: PlanSummary, tflops: float) -> str:
    return (
        f"{summary.operations:.1e} floating-point operations: "
        f"{gpu_hours_text(summary.operations, tflops)} GPU-hours, "
        f"if a GPU sustains {tflops:g} TFLOP/s (assumed; set with --tflops)"
    )


def _recipe_search(summary: PlanSummary, tflops: float) -> Iterator[str]:
    """The trainings that recipe search adds, and the expected cost of those to do."""
    trials = search_trainings(summary.compiled.plan)
    if not trials:
        return
    todo = [stage for stage in summary.todo if stage.key in trials]
    seconds = sum(summary.stage_seconds[stage.key] for stage in todo)
    operations = sum(stage.cost.operations for stage in todo)
    yield (
        f"of which recipe search: {len(trials)} trainings, {len(todo)} to do, "
        f"{duration(seconds)} in one process, {gpu_hours_text(operations, tflops)} GPU-hours, "
        f"{size(sum(stage.cost.bytes for stage in todo))} of disk"
    )


def _data_sources(sources: Sequence[DataSource]) -> Iterator[str]:
    """Data that come from the hub, or are of unknown size."""
    hub = [source for source in sources if source.origin is OriginKind.HUB]
    if hub:
        count = sum(len(source.languages) for source in hub)
        yield f"from the hub: {counted(count, 'split')} by language: {_splits(hub)}"
    if guessed := [source for source in sources if source.guessed]:
        yield (
            f"unknown size, estimated as {DEFAULT_ROWS:,} examples per language: {_splits(guessed)}"
        )


def _splits(sources: Sequence[DataSource]) -> str:
    """The splits of each task: `mnli train dev, xnli test`."""
    splits: dict[str, dict[str, None]] = {}
    for source in sources:
        splits.setdefault(source.task, {})[source.split] = None
    return ", ".join(f"{task} {' '.join(names)}" for task, names in splits.items())
