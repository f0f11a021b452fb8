"""Whether checkpoints are chosen by the examples that a target is evaluated on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache

from xstilts.planning.resolve import ResolvedExperiment

logger = logging.getLogger(__name__)


def warn_of_selection_on_evaluated(resolved: ResolvedExperiment) -> None:
    """Warn, once, of targets whose best checkpoint is chosen by evaluated examples."""
    if names := tuple(selected_on_evaluated(resolved)):
        _warn(names)


def selected_on_evaluated(resolved: ResolvedExperiment) -> Iterator[str]:
    """The targets with `checkpoint: best` whose dev set is in what they are evaluated on."""
    for name in resolved.experiment.targets:
        task = resolved.task(name)
        if task.format_spec.training is None or resolved.recipe(name).checkpoint != "best":
            continue
        part = resolved.train_ref(task)
        dev = resolved.split_slice(resolved.task(part.task), "dev")
        evaluated = resolved.split_slice(task, resolved.experiment.eval_split)
        shared = {*(part.languages or task.train_languages)} & {*resolved.languages(task)}
        if part.task == name and shared and dev.overlaps(evaluated):
            yield name


@cache
def _warn(targets: tuple[str, ...]) -> None:
    logger.warning(
        "%s: the best checkpoint is chosen by examples that are evaluated; set `checkpoint: last`, "
        "or `eval_split: test` and splits such as {%s: {train: 'train[:90%%]', "
        "dev: 'train[90%%:]', test: dev}}",
        ", ".join(targets),
        targets[0],
    )
