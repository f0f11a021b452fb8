"""The tasks that the installed package tasksource knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec

from xstilts.core.errors import ConfigError, MissingPackageError
from xstilts.tasks.tasksource.annotation import Annotation, annotation_of
from xstilts.tasks.tasksource.names import PREFIX, id_of, name_of

PACKAGE = "tasksource"
SIMILAR = 4


def package_version() -> str:
    """The version of the installed package."""
    return version(PACKAGE)


def known_tasks() -> Mapping[str, Annotation]:
    """Its English text tasks by name, in its order. Importing it takes seconds.

    Raises:
        MissingPackageError: it is not installed.
    """
    if find_spec(PACKAGE) is None:
        raise MissingPackageError(
            f"tasks named {PREFIX}NAME need the package {PACKAGE}",
            todo="pip install 'xstilts[tasksource]'",
        )
    return _listed()


@cache
def _listed() -> Mapping[str, Annotation]:
    from tasksource import list_tasks

    return {row.id: annotation_of(row) for row in list_tasks().itertuples()}


def licence_of(task_id: str) -> str:
    """The licence that the package has recorded for a task."""
    from tasksource import task_licenses

    (licence,) = task_licenses([task_id])["license"]
    return str(licence or "")


def annotation(name: str, where: str | None = None) -> Annotation:
    """The annotation of a task, by its name with or without `tasksource:`.

    Raises:
        MissingPackageError: the package is not installed.
        ConfigError: it has no such task; the message has similar ones.
    """
    known, task_id = known_tasks(), id_of(name)
    if task_id not in known:
        near = ", ".join(map(name_of, similar(task_id, known))) or "none"
        raise ConfigError(
            f"tasksource {package_version()} has no task {task_id!r}",
            where=where,
            todo=f"similar ones: {near}; `xstilts tasks --tasksource WORD` lists them",
        )
    return known[task_id]


def similar(task_id: str, known: Iterable[str]) -> list[str]:
    """A few ids that contain the same name, or are spelled similarly."""
    listed = list(known)
    last = task_id.rpartition("/")[2].lower()
    same = [one for one in listed if last and last in one.lower()]
    near = get_close_matches(task_id, listed, n=SIMILAR, cutoff=0.6)
    return list(dict.fromkeys([*near, *same]))[:SIMILAR]
