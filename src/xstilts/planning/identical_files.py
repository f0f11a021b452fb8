"""Files of one content under several names, which make scores mean something else."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from xstilts.core.hashing import digest_of_unchanged
from xstilts.core.warn_once import warn_once
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.tasks.base import TaskSpec

logger = logging.getLogger(__name__)

SAME = "%s: %s have the same content: %s"
TRAINED_ON = "evaluated examples are trained on"
SELECTED_BY = "checkpoints are chosen by evaluated examples"
TWO_LANGUAGES = "these languages are evaluated on the same examples"


def warn_of_identical_files(resolved: ResolvedExperiment) -> None:
    """Warn, once, of evaluated files of own targets that have the content of another file.

    The other file is that of another language, or one for training or for the choice of
    checkpoints. Files that are empty or cannot be read are left to the stage that reads them.
    """
    for name in resolved.experiment.targets:
        if name in resolved.experiment.tasks:
            groups = dict[tuple[Path, str], list[str]]()
            for first, second, meaning in _identical(resolved, resolved.task(name)):
                groups.setdefault((first, meaning), [first.name]).append(second.name)
            for (_, meaning), names in groups.items():
                warn_once(logger, SAME, name, ", ".join(names), meaning)


def _identical(resolved: ResolvedExperiment, target: TaskSpec) -> Iterator[tuple[Path, Path, str]]:
    """Two files of one content, and what it means."""
    evaluated: dict[str, Path] = {}
    part = resolved.split_slice(target, resolved.experiment.eval_split)
    for language in resolved.languages(target):
        for digest, path in _files(target, part.split, language):
            if digest in evaluated:
                yield evaluated[digest], path, TWO_LANGUAGES
            evaluated.setdefault(digest, path)
    if not resolved.is_trained(target):
        return
    for trained in resolved.train_refs(target):
        source = resolved.task(trained.task)
        for role, meaning in (("train", TRAINED_ON), ("dev", SELECTED_BY)):
            share = resolved.split_slice(source, role)
            for language in trained.languages or source.train_languages:
                for digest, path in _files(source, share.split, language):
                    other = evaluated.get(digest, path)
                    if other != path:  # slices of one file are checked apart
                        yield path, other, meaning


def _files(task: TaskSpec, split: str, language: str) -> Iterator[tuple[str, Path]]:
    """The digests and paths of a split's local files that can be read and are not empty."""
    for origin in task.origin(split, language):
        for path in origin.files:
            if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size:
                yield digest_of_unchanged(path), path
