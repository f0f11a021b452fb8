"""Names of own tasks and of their languages that stand for something else in reports."""

from __future__ import annotations

import logging
import re
from collections import Counter

from xstilts.config.file_task import FileTask
from xstilts.core.warn_once import warn_once
from xstilts.languages.metadata import Language
from xstilts.languages.spellings import spelled_language
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks import TASKS

logger = logging.getLogger(__name__)

VARIETY = re.compile("[-_]")
"""Separates region and script from the code of a language."""
REPLACED = "tasks.%s replaces the built-in task: its scores are not those of the published %s"
NO_CODE = (
    "tasks.%s.splits: %s is taken for a language of its own; the code of %s is %s: write it, and "
    "`codes: {%s: %s}` for the names of the files"
)


def warn_of_names(resolved: ResolvedExperiment) -> None:
    """Warn, once, of own tasks with a built-in task's name, and of languages without a code."""
    for name, task in resolved.experiment.tasks.items():
        if name.lower() in TASKS:
            warn_once(logger, REPLACED, name, name.lower())
        for code, known in _other_codes(task).items():
            own = task.codes.get(code, code)
            warn_once(logger, NO_CODE, name, code, known.name, known.code, known.code, own)


def _other_codes(task: FileTask) -> dict[str, Language]:
    """What stands for a language in `splits` without being its code → the language.

    Not varieties of a language of which a split has another: they are kept apart on purpose.
    """
    found, apart = dict[str, Language](), set[str]()
    for codes in task.splits.values():
        known = {code: language for code in codes if (language := spelled_language(code))}
        found |= {code: language for code, language in known.items() if language.code != code}
        times = Counter(known.values())
        apart |= {code for code in known if VARIETY.search(code) and times[known[code]] > 1}
    return {code: language for code, language in found.items() if code not in apart}
