"""Names of own tasks and of their languages that stand for something else in reports."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from xstilts.core.warn_once import warn_once
from xstilts.languages.metadata import language_named
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks import TASKS

logger = logging.getLogger(__name__)

REPLACED = "tasks.%s replaces the built-in task: its scores are not those of the published %s"
NO_CODE = "tasks.%s.splits: %s is taken for a language of its own; the code of %s is %s"


def warn_of_names(resolved: ResolvedExperiment) -> None:
    """Warn, once, of own tasks with a built-in task's name, and of languages without a code."""
    for name in resolved.experiment.tasks:
        if name.lower() in TASKS:
            warn_once(logger, REPLACED, name, name.lower())
        for code in _languages(resolved, name):
            known = language_named(code)
            if known and known.code != code:
                warn_once(logger, NO_CODE, name, code, known.name, known.code)


def _languages(resolved: ResolvedExperiment, name: str) -> Iterator[str]:
    splits = resolved.experiment.tasks[name].splits.values()
    yield from dict.fromkeys(code for codes in splits for code in codes)
