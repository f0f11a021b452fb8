"""Which runs the question needs: the unit of data, the orders of tasks, the amounts of one task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial

from xstilts.config.intermediate import BASELINE, TaskRef, parse_setting
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import XstiltsError
from xstilts.formats.base import BadRow
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.curves import MIN_SIZES
from xstilts.statistics.shapley import random_orders
from xstilts.studies.variants import make_variant
from xstilts.tasks.base import TaskSpec

MORE_TASKS = "more tasks"
DRAWS = 3
"""Orders in which tasks are added, unless `ALL_ORDERS` holds; a default of xstilts."""
ALL_ORDERS = 3
"""Up to so many tasks every order is taken, and so every subset is trained."""
EVERY_SIZE = 6
"""Tasks that are taken: every step of an order is trained, which Shapley values need."""
LONG = 3
"""How many tasks are tried with more data: which one is best is known only afterwards."""


@dataclass(frozen=True)
class Point:
    """One training set.

    Args:
        curve: `MORE_TASKS`, or the task that there is more of.
        size: units of data in it.
        tasks: in it, all with equally many examples.
        variant: in which it is trained.
    """

    curve: str
    size: int
    tasks: frozenset[str]
    variant: str

    @property
    def setting(self) -> str:
        """As results call it."""
        return parse_setting("+".join(self.tasks)).name


@dataclass(frozen=True)
class TaskGroup:
    """Targets that the same tasks are tried for: none that holds their own training data.

    Args:
        suffix: of the names of its variants.
        orders: in which tasks are added.
        long: the tasks that have the data for the largest budget.
    """

    suffix: str
    targets: tuple[str, ...]
    tasks: tuple[str, ...]
    orders: tuple[tuple[str, ...], ...]
    long: tuple[str, ...]

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """All training sets; a single task with one unit is on both curves."""
        more = (
            Point(MORE_TASKS, size, frozenset(order[:size]), f"tasks{self.suffix}")
            for size in range(1, len(self.tasks) + 1)
            for order in self.orders
        )
        longer = (
            Point(task, size, frozenset([task]), self._holding(size))
            for task in self.long
            for size in doublings(len(self.tasks))
        )
        return tuple(dict.fromkeys((*more, *longer)))

    def _holding(self, size: int) -> str:
        return f"tasks{self.suffix}" if size == 1 else f"data-{size}{self.suffix}"

    def nested(self, size: int) -> tuple[Point, ...]:
        """The mixtures of so many tasks, one for each order."""
        return tuple(
            Point(MORE_TASKS, size, frozenset(order[:size]), f"tasks{self.suffix}")
            for order in self.orders
        )

    def variants(
        self, loaded: LoadedExperiment, unit: int
    ) -> Iterator[tuple[str, LoadedExperiment]]:
        """Name and experiment; each has the baseline, whose stages are those of the others."""
        for name in dict.fromkeys(point.variant for point in self.points):
            here = [point for point in self.points if point.variant == name]
            settings = dict.fromkeys((BASELINE, *(point.setting for point in here)))
            each = unit * max(point.size // len(point.tasks) for point in here)
            train = {task.partition("@")[0]: each for point in here for task in point.tasks}
            yield name, make_variant(loaded, self.targets, settings, train)


@dataclass(frozen=True)
class ScalingDesign:
    """The runs of the study.

    Args:
        unit: training examples of one task in the mixtures; 0 where nothing can be compared.
        tasks: that are tried, in the experiment's order.
        groups: the one with most targets first.
        passed_over: the single tasks beyond `EVERY_SIZE`.
        lacking: in words, why no unit fills a batch; else empty.
    """

    unit: int
    tasks: tuple[str, ...]
    groups: tuple[TaskGroup, ...]
    passed_over: tuple[str, ...] = ()
    lacking: str = ""

    def variants(self, loaded: LoadedExperiment) -> dict[str, LoadedExperiment]:
        """Name → changed experiment."""
        return dict(pair for group in self.groups for pair in group.variants(loaded, self.unit))


def doublings(count: int) -> tuple[int, ...]:
    """1, 2, 4 … and the count itself; every number where a curve would lack sizes without."""
    if count <= MIN_SIZES:
        return tuple(range(1, count + 1))
    return tuple(sorted({*(1 << power for power in range(count.bit_length())), count}))


def designed(loaded: LoadedExperiment) -> ScalingDesign:
    """The design for an experiment: its single-task settings are the tasks, or some of them.

    The unit is the largest number of examples that every task has and that as many tasks as
    `LONG` have once for each task in the mixture, within the experiment's limits; rounded down
    to whole batches, so that equally many examples are equally many steps.
    """
    names = ResolvedExperiment(loaded)
    every = tuple(_single_tasks(names))
    parts = _taken(names, every)
    passed_over = tuple(part.name for part in every if part not in parts)
    if len(parts) < 2:
        return ScalingDesign(0, tuple(part.name for part in parts), ())
    have = {part.name: _available(names, part) for part in parts}
    batch = names.recipe(None).batch_size
    unit = _unit(list(have.values()), batch)
    if not unit:
        return ScalingDesign(0, tuple(have), (), passed_over, _lacking(have, batch))
    orders = _orders([part.name for part in parts])
    groups: list[TaskGroup] = []
    for fitting, targets in _grouped(names, parts):
        tasks = tuple(part.name for part in fitting)
        kept = dict.fromkeys(tuple(task for task in order if task in tasks) for order in orders)
        long = [task for task in tasks if have[task] >= unit * len(tasks)][:LONG]
        suffix = f"-group-{len(groups) + 1}" if groups else ""
        groups.append(TaskGroup(suffix, targets, tasks, tuple(kept), tuple(long)))
    return ScalingDesign(unit, tuple(have), tuple(groups), passed_over)


def _orders(tasks: Sequence[str], seed: int = 0) -> list[tuple[str, ...]]:
    """Every order of few tasks; of more, one drawn at random and turned round.

    Each of these is as random as any. Together they are balanced: small mixtures share no task,
    and each task comes early in one and late in another, which a few orders drawn apart would
    leave to chance.
    """
    if len(tasks) <= ALL_ORDERS:
        return random_orders(tasks, factorial(len(tasks)))
    (drawn,) = random_orders(tasks, 1, seed)
    starts = (len(tasks) * turn // DRAWS for turn in range(DRAWS))
    return [drawn[start:] + drawn[:start] for start in starts]


def _single_tasks(resolved: ResolvedExperiment) -> Iterator[TaskRef]:
    """The tasks of the settings that are one task in one language; each task once."""
    seen = set[str]()
    for text in resolved.experiment.intermediate:
        part = parse_setting(text).single
        if part is None or part.task in seen or len(part.languages) > 1:
            continue
        if resolved.task(part.task, "intermediate").format_spec.gold:
            seen.add(part.task)
            yield part


def _taken(resolved: ResolvedExperiment, parts: tuple[TaskRef, ...]) -> tuple[TaskRef, ...]:
    """At most `EVERY_SIZE`: the first of each format, then the next in order.

    Tasks that hold a target's training data come after those that hold none, as they would need
    curves of their own.
    """
    held = _target_data(resolved)
    free = sorted(parts, key=lambda part: bool(held & _holdings(resolved.task(part.task))))
    firsts = {resolved.task(part.task).format: part for part in reversed(free)}.values()
    chosen = sorted(free, key=lambda part: part not in firsts)[:EVERY_SIZE]
    return tuple(part for part in parts if part in chosen)


def _target_data(resolved: ResolvedExperiment) -> set[str]:
    """Every target, what it is trained on, and whose data these hold."""
    targets = resolved.experiment.targets
    return {task for target in targets for task in _data_of(resolved, target)}


def _data_of(resolved: ResolvedExperiment, target: str) -> set[str]:
    return _holdings(resolved.task(resolved.train_ref(resolved.task(target)).task)) | {target}


def _available(resolved: ResolvedExperiment, part: TaskRef) -> int:
    """Training examples of a task, within its limit; read where nobody has counted them."""
    task = resolved.task(part.task)
    share, limit = resolved.split_slice(task, "train"), resolved.limit(part.task, "train")
    language = next(iter(part.languages), task.train_language)
    if language not in task.splits.get(share.split, ()):
        language = task.train_language  # is translated
    if (share.split, language) in task.sizes:
        return resolved.expected_rows(task, "train", language)
    try:
        rows = task.read(share.split, language)
        size = sum(not isinstance(row, BadRow) for row in rows)
    except (XstiltsError, OSError):  # the plan says what is missing
        return resolved.expected_rows(task, "train", language)
    size = size * (share.high - share.low) // 100
    return max(1, min(size, limit or size))


def _unit(available: Sequence[int], batch: int) -> int:
    """Examples of one task in whole batches; 0 if they fill none."""
    ordered = sorted(available, reverse=True)
    most = min(ordered[-1], ordered[min(LONG, len(ordered)) - 1] // len(ordered))
    return most // batch * batch


def _lacking(have: Mapping[str, int], batch: int) -> str:
    """Why there is no unit, and what to raise."""
    few, many = min(LONG, len(have)), batch * len(have)
    each = ", ".join(f"{task} {count}" for task, count in have.items())
    return (
        f"with {len(have)} tasks and batches of {batch}, each task must have {batch} training "
        f"examples or more, and {few} of them {many}. Raise `limits.train` or `task_limits` to "
        f"{many}, or name fewer tasks. There are: {each}"
    )


def _grouped(
    resolved: ResolvedExperiment, parts: Sequence[TaskRef]
) -> Iterator[tuple[tuple[TaskRef, ...], tuple[str, ...]]]:
    """Tasks and the targets that they are tried for; the largest group first.

    A task with a target's training data is no intermediate task for it, and its limit would
    also be the target's.
    """
    found: dict[tuple[TaskRef, ...], list[str]] = {}
    for target in resolved.experiment.targets:
        own = _data_of(resolved, target)
        fitting = tuple(p for p in parts if not own & _holdings(resolved.task(p.task)))
        if len(fitting) > 1:
            found.setdefault(fitting, []).append(target)
    for fitting in sorted(found, key=lambda tasks: (-len(found[tasks]), -len(tasks))):
        yield fitting, tuple(found[fitting])


def _holdings(task: TaskSpec) -> set[str]:
    """The task and those whose training data it has."""
    return {task.name, *task.includes_data_of}
