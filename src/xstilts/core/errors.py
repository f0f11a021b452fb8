"""Errors that tell the user what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class XstiltsError(Exception):
    """An error the user can act on: what was wrong, where, and what to do.

    Args:
        what: one sentence that names the problem.
        where: file and line, or the key in the experiment, if there is one.
        todo: one sentence that says how to fix it.
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        self.what, self.where, self.todo = what, where, todo
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}\n  → {self.todo}" if self.todo else head


class ConfigError(XstiltsError):
    """The experiment or an option is invalid."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The most similar of the known names, in any case; None if none is similar."""
    by_case = {option.lower(): option for option in sorted(known, reverse=True)}
    near = difflib.get_close_matches(name.lower(), by_case, n=1, cutoff=0.5)
    return by_case[near[0]] if near else None


def suggestion(name: str, known: Iterable[str]) -> str:
    """The most similar of the known names, or all of them."""
    options = sorted(known)
    if near := nearest(name, options):
        return f"did you mean {near!r}?"
    return f"known: {', '.join(options) or 'none'}"


class UnknownNameError(ConfigError):
    """A name that is not registered; suggests the most similar one.

    Attributes:
        kind: what it was to be the name of, such as `task`.
        nearest: the most similar known name; None if none is similar.
    """

    def __init__(
        self, kind: str, name: str, known: Iterable[str], *, where: str | None = None
    ) -> None:
        options = list(known)
        self.kind, self.nearest = kind, nearest(name, options)
        super().__init__(f"unknown {kind} {name!r}", where=where, todo=suggestion(name, options))


class DataError(XstiltsError):
    """Data that cannot be used for training or scoring."""


class MissingDataError(DataError):
    """Data files that do not exist."""


class EncoderError(XstiltsError):
    """An encoder that is not available or not safe to use."""


class TranslatorError(XstiltsError):
    """A translator that is not available or does not work."""


class MissingPackageError(XstiltsError):
    """A package that an encoder, task, translator or tracker needs is not installed."""


class StoreError(XstiltsError):
    """The store cannot be read or written."""

    exit_code = 4


class DiskFullError(StoreError):
    """The disk of the store, or a quota, is full."""
