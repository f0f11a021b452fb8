"""The runs of `scaling`: the unit of data, the orders of tasks, the amounts of single tasks.

Planning reads no data: sizes are those that tasks declare, or else the limit on training examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

from xstilts.config.intermediate import (
    NO_INTERMEDIATE,
    TaskRef,
    parse_setting,
    parse_task_ref,
    setting_of,
)
from xstilts.config.load import LoadedExperiment
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.variants import make_variant
from xstilts.statistics.power_law import MIN_SIZES
from xstilts.statistics.shapley import random_orders
from xstilts.studies.render import join_names
from xstilts.tasks.base import TaskSpec

MORE_TASKS = "more tasks"
NUM_ORDERS = 3
"""Orders in which tasks are added; a default of xstilts."""
ALL_ORDERS = 3
"""Up to this many tasks every order is used, and so every subset is trained."""
MAX_TASKS = 6
"""Every step of an order is trained, which Shapley values need."""
MAX_SINGLE = 3
"""Tasks that are trained with more data: the best one is known only afterwards."""


@dataclass(frozen=True)
class Point:
    """One training set.

    Args:
        curve: `MORE_TASKS`, or the task that there is more of.
        size: units of data in it.
        tasks: in it, all with equally many examples.
        variant: the one that trains it.
        baseline: the setting that it is trained after.
    """

    curve: str
    size: int
    tasks: frozenset[str]
    variant: str
    baseline: str = NO_INTERMEDIATE

    @property
    def setting(self) -> str:
        """Its name in results."""
        added = parse_setting("+".join(self.tasks))
        return setting_of((*parse_setting(self.baseline).chain, *added.chain)).name


@dataclass(frozen=True)
class TaskGroup:
    """Targets with the same candidate tasks: none contains their own training data.

    Args:
        suffix: of the names of its variants.
        orders: in which tasks are added.
        long: the tasks with enough data for the largest budget.
        baseline: of the experiment.
    """

    suffix: str
    targets: tuple[str, ...]
    tasks: tuple[str, ...]
    orders: tuple[tuple[str, ...], ...]
    long: tuple[str, ...]
    baseline: str = NO_INTERMEDIATE

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All training sets; a single task with one unit is on both curves."""
        sizes = range(1, len(self.tasks) + 1)
        more = (point for size in sizes for point in self.on_curve(MORE_TASKS, size))
        single = (
            point
            for task in self.long
            for size in doublings(len(self.tasks))
            for point in self.on_curve(task, size)
        )
        return tuple(dict.fromkeys((*more, *single)))

    def on_curve(self, curve: str, size: int) -> tuple[Point, ...]:
        """The mixtures of a size, one for each order; or one task with that many units."""
        if curve != MORE_TASKS:
            name = "tasks" if size == 1 else f"data-{size}"
            return (Point(curve, size, frozenset([curve]), f"{name}{self.suffix}", self.baseline),)
        mixtures = (frozenset(order[:size]) for order in self.orders)
        variant = f"tasks{self.suffix}"
        return tuple(Point(curve, size, tasks, variant, self.baseline) for tasks in mixtures)

    @property
    def variants(self) -> dict[str, dict[str, Point]]:
        """Variant → its settings → their points; where two curves meet, that of the single task."""
        variants: dict[str, dict[str, Point]] = {}
        for point in self.points:
            variants.setdefault(point.variant, {})[point.setting] = point
        return variants


@dataclass(frozen=True)
class ScalingDesign:
    """The runs of the study.

    Args:
        unit: training examples of one task in the mixtures; 0 if nothing can be compared.
        tasks: that are used, in the experiment's order.
        groups: the one with most targets first.
        passed_over: the single tasks beyond `MAX_TASKS`.
        unknown: the tasks of unknown size; their limit is used instead.
        problem: in words, why nothing can be compared; else empty.
    """

    unit: int
    tasks: tuple[str, ...]
    groups: tuple[TaskGroup, ...] = ()
    passed_over: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    problem: str = ""

    def variants(self, loaded: LoadedExperiment) -> dict[str, LoadedExperiment]:
        """Name → changed experiment; each has the baseline, whose stages they share."""
        variants = {}
        for group in self.groups:
            for name, points in group.variants.items():
                each = max(point.size // len(point.tasks) for point in points.values())
                train = {
                    parse_task_ref(task).task: self.unit * each
                    for point in points.values()
                    for task in point.tasks
                }
                settings = dict.fromkeys((group.baseline, *points))
                variants[name] = make_variant(loaded, group.targets, settings, train)
        return variants

    def caveats(self, targets: Sequence[str]) -> Iterator[str]:
        """Tasks and targets of the experiment that are not used, and what orders mean."""
        used, unused = len(self.tasks), len(self.passed_over)
        if unused:
            names = f"{join_names(self.tasks)}; not {join_names(self.passed_over)}"
            yield (
                f"Of {used + unused} single tasks {used} are used, the first of each format and "
                f"then the next in order: {names}."
            )
        if self.unknown:
            yield f"U{self.unknown_text[1:]}."
        for group in self.groups:
            names, missing = ", ".join(group.targets), set(self.tasks) - set(group.tasks)
            without = ", ".join(task for task in self.tasks if task in missing)
            mean = "" if group is self.groups[0] else "; not in the mean"
            if without:
                yield f"{names}: without {without}, which contain their training data{mean}."
            if not group.long:
                size = self.unit * len(group.tasks)
                yield f"No task has {size} training examples: nothing is compared on {names}."
        compared = {target for group in self.groups for target in group.targets}
        if lost := ", ".join(target for target in targets if target not in compared):
            yield f"{lost}: fewer than two tasks without their training data."
        if len(self.groups[0].orders) == NUM_ORDERS:
            yield (
                f"Tasks were added in {NUM_ORDERS} orders, a random one and its rotations. Other "
                "orders would differ, and only the intervals of Shapley values allow for it."
            )

    @property
    def unknown_text(self) -> str:
        """The tasks of unknown size, for the plan; empty if there are none."""
        if not self.unknown:
            return ""
        return f"unknown size of {join_names(self.unknown)}: the limit on training examples is used"


def doublings(count: int) -> tuple[int, ...]:
    """1, 2, 4 … and the count itself; every number if a curve would have too few sizes."""
    if count <= MIN_SIZES:
        return tuple(range(1, count + 1))
    return tuple(sorted({*(1 << power for power in range(count.bit_length())), count}))


def designed(loaded: LoadedExperiment) -> ScalingDesign:
    """The design for an experiment: its single-task settings are the tasks, or some of them.

    The unit is the largest number of examples that every task has and that `MAX_SINGLE` tasks
    have once for each task in the mixture, within the experiment's limits; rounded down to whole
    batches, so that equally many examples are equally many steps.
    """
    singles = encoder_experiments(loaded)  # with the encoder's own recipe applied
    names = ResolvedExperiment(singles[0] if len(singles) == 1 else loaded)
    every = tuple(_single_tasks(names))
    parts = _chosen(names, every)
    tasks = tuple(part.name for part in parts)
    passed_over = tuple(part.name for part in every if part not in parts)
    if len(parts) < 2:
        problem = (
            "the study needs two or more tasks that are intermediate settings of their own and "
            "contain no target's training data; the experiment's single tasks are: "
            f"{', '.join(tasks) or 'none'}"
        )
        return ScalingDesign(0, tasks, problem=problem)
    sizes = {part.name: _size(names, part) for part in parts}
    known = {name: size for name, (size, _) in sizes.items() if size}
    unknown = tuple(name for name, (_, declared) in sizes.items() if not declared)
    batch = names.recipe(None).batch_size
    unit = _unit(list(known.values()), batch) if len(known) == len(parts) else 0
    if not unit:
        problem = _problem(known, tasks, batch)
        return ScalingDesign(0, tasks, (), passed_over, unknown, problem)
    orders = balanced_orders(tasks)
    groups: list[TaskGroup] = []
    for own, targets in _grouped(names, parts):
        kept = dict.fromkeys(tuple(task for task in order if task in own) for order in orders)
        long = [task for task in own if known[task] >= unit * len(own)][:MAX_SINGLE]
        suffix = f"-group-{len(groups) + 1}" if groups else ""
        baseline = loaded.experiment.baseline
        groups.append(TaskGroup(suffix, targets, own, tuple(kept), tuple(long), baseline))
    return ScalingDesign(unit, tasks, tuple(groups), passed_over, unknown)


def balanced_orders(tasks: Sequence[str], seed: int = 0) -> list[tuple[str, ...]]:
    """Every order of few tasks; of more, a random one and its rotations.

    Each of these is as random as any. Together they are balanced: small mixtures share no task,
    and each task comes early in one and late in another.
    """
    if len(tasks) <= ALL_ORDERS:
        return random_orders(tasks, factorial(len(tasks)))
    (order,) = random_orders(tasks, 1, seed)
    starts = (len(tasks) * turn // NUM_ORDERS for turn in range(NUM_ORDERS))
    return [order[start:] + order[:start] for start in starts]


def _single_tasks(resolved: ResolvedExperiment) -> Iterator[TaskRef]:
    """The tasks of the settings that add one task in one language; each task once."""
    seen = set[str]()
    baseline = parse_setting(resolved.experiment.baseline)
    for text in resolved.experiment.intermediate:
        added = parse_setting(text).after(baseline)
        part = added.single if added else None
        if part is None or part.task in seen or len(part.languages) > 1:
            continue
        task = resolved.task(part.task, "intermediate")
        if task.format_spec.gold and not task.shuffled_from:
            seen.add(part.task)
            yield part


def _chosen(resolved: ResolvedExperiment, parts: tuple[TaskRef, ...]) -> tuple[TaskRef, ...]:
    """At most `MAX_TASKS`: the first of each format, then the next in order.

    Tasks with a target's training data come last, as they would need curves of their own.
    """
    targets = resolved.experiment.targets
    held = {task for target in targets for task in _data_of(resolved, target)}
    free = sorted(parts, key=lambda part: bool(held & _contents(resolved.task(part.task))))
    firsts = {resolved.task(part.task).format: part for part in reversed(free)}.values()
    chosen = sorted(free, key=lambda part: part not in firsts)[:MAX_TASKS]
    return tuple(part for part in parts if part in chosen)


def _data_of(resolved: ResolvedExperiment, target: str) -> set[str]:
    """A target, the tasks that it is trained on, and whose data these contain."""
    parts = resolved.train_refs(resolved.task(target))
    return {target}.union(*(_contents(resolved.task(part.task)) for part in parts))


def _contents(task: TaskSpec) -> set[str]:
    """The task and those whose training data it contains."""
    return {task.name, *task.includes_data_of}


def _size(resolved: ResolvedExperiment, part: TaskRef) -> tuple[int | None, bool]:
    """Training examples of a task within its limit, and whether its size is declared."""
    task = resolved.task(part.task)
    split = resolved.split_slice(task, "train").split
    language = next(iter(part.languages), task.train_language)
    if language not in task.splits.get(split, ()):
        language = task.train_language  # is translated
    if (split, language) in task.sizes:
        return resolved.expected_rows(task, "train", language), True
    return resolved.limit(part.task, "train"), False


def _unit(sizes: Sequence[int], batch: int) -> int:
    """Examples of one task in whole batches; 0 if there are too few for one."""
    ordered = sorted(sizes, reverse=True)
    most = min(ordered[-1], ordered[min(MAX_SINGLE, len(ordered)) - 1] // len(ordered))
    return most // batch * batch


def _problem(known: Mapping[str, int], tasks: Sequence[str], batch: int) -> str:
    """Why there is no unit, and what to change."""
    few, many = min(MAX_SINGLE, len(tasks)), batch * len(tasks)
    if unknown := [task for task in tasks if task not in known]:
        return (
            f"the number of training examples of {join_names(unknown)} is unknown before they are "
            f"read. Set `limits.train` or `task_limits` to a number that they have, {many} or more"
        )
    each = ", ".join(f"{task} {count}" for task, count in known.items())
    return (
        f"with {len(tasks)} tasks and batches of {batch}, each task must have {batch} training "
        f"examples or more, and {few} of them {many}. Raise `limits.train` or `task_limits` to "
        f"{many}, or use fewer tasks. Now: {each}"
    )


def _grouped(
    resolved: ResolvedExperiment, parts: Sequence[TaskRef]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Tasks and their targets; the largest group first.

    A task with a target's training data is no intermediate task for it, and its limit would
    also be the target's.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for target in resolved.experiment.targets:
        own = _data_of(resolved, target)
        free = tuple(p.name for p in parts if not own & _contents(resolved.task(p.task)))
        if len(free) > 1:
            groups.setdefault(free, []).append(target)
    for tasks in sorted(groups, key=lambda tasks: (-len(groups[tasks]), -len(tasks))):
        yield tasks, tuple(groups[tasks])
