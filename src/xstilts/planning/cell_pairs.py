"""The combinations of targets and intermediate settings that an experiment runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import cache

from xstilts.config.exclude import is_excluded
from xstilts.config.intermediate import IntermediateSetting, TaskRef
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec

logger = logging.getLogger(__name__)

Pair = tuple[TaskSpec, IntermediateSetting]


def cell_pairs(
    resolved: ResolvedExperiment, settings: Sequence[IntermediateSetting]
) -> Iterator[Pair]:
    """Targets in their order, each with its settings; without excluded combinations.

    A task after itself is left out too: it is just more epochs of the task.

    Raises:
        ConfigError: an exclusion names something unknown, excludes nothing, or excludes all
            settings or the baseline of a target; or a target is the baseline.
    """
    pairs = [
        (resolved.task(target), setting)
        for target in resolved.experiment.targets
        for setting in settings
        if not _is_itself(resolved, setting, target)
    ]
    _check_baseline(resolved, pairs)
    exclusions = resolved.experiment.exclude
    if not exclusions:
        return iter(pairs)
    _check_names(resolved)
    _check_each(resolved, pairs)
    kept = [pair for pair in pairs if not is_excluded(exclusions, pair[1].name, pair[0].name)]
    _check_targets(resolved, kept)
    idle = [setting.name for setting in settings if all(one is not setting for _, one in kept)]
    if idle:
        _note_idle(tuple(idle))
    return iter(kept)


def _is_itself(resolved: ResolvedExperiment, setting: IntermediateSetting, target: str) -> bool:
    itself = setting.chain == ((TaskRef(target),),)
    return itself and resolved.train_ref(resolved.task(target)).task == target


def _check_baseline(resolved: ResolvedExperiment, pairs: Sequence[Pair]) -> None:
    """Check that no target is the baseline itself."""
    baseline = resolved.experiment.baseline
    if baseline not in resolved.experiment.intermediate:
        return
    compared = {task.name for task, setting in pairs if setting.name == baseline}
    for target in resolved.experiment.targets:
        if target not in compared:
            raise ConfigError(
                f"the baseline {baseline} is the target {target} itself, so nothing would have a "
                "gain there",
                where="baseline",
                todo=f"take another setting as the baseline, or leave {target} out of `targets`",
            )


def _check_names(resolved: ResolvedExperiment) -> None:
    experiment = resolved.experiment
    for index, one in enumerate(experiment.exclude):
        for kind, key, names, known in (
            ("intermediate setting", "intermediate", one.intermediate, experiment.intermediate),
            ("target", "targets", one.targets, experiment.targets),
        ):
            for name in names or ():
                if name not in known:
                    raise UnknownNameError(kind, name, known, where=f"exclude.{index}.{key}")


def _check_each(resolved: ResolvedExperiment, pairs: Sequence[Pair]) -> None:
    """Check that each exclusion removes something that those before it do not."""
    left = [(setting.name, task.name) for task, setting in pairs]
    for index, one in enumerate(resolved.experiment.exclude):
        kept = [pair for pair in left if not one.covers(*pair)]
        if len(kept) == len(left):
            raise ConfigError(
                "this exclusion removes nothing: its settings are not run on its targets, or an "
                "exclusion above removes them",
                where=f"exclude.{index}",
                todo="leave it out",
            )
        left = kept


def _check_targets(resolved: ResolvedExperiment, kept: Sequence[Pair]) -> None:
    """Check that every target keeps a setting, and the baseline if the experiment has it."""
    experiment = resolved.experiment
    for target in experiment.targets:
        names = [setting.name for task, setting in kept if task.name == target]
        if not names:
            raise ConfigError(
                f"every setting of {target} is excluded",
                where="exclude",
                todo=f"leave {target} out of `targets`",
            )
        baseline = experiment.baseline
        if baseline in experiment.intermediate and baseline not in names:
            raise ConfigError(
                f"the baseline {baseline} of {target} is excluded, so {', '.join(names)} would "
                "have no gain there",
                where="exclude",
                todo=f"keep {baseline} on {target}, or leave {baseline} out of `intermediate` if "
                "scores alone are wanted",
            )


@cache
def _note_idle(settings: tuple[str, ...]) -> None:
    logger.warning(
        "exclude removes %s on every target: leave it out of `intermediate`", ", ".join(settings)
    )
