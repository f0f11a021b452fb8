"""Measures: properties of tasks and trained models that stages find beside scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xstilts.config.load import Loaded
from xstilts.core.errors import UnknownName
from xstilts.core.stage import Stage


@dataclass(frozen=True)
class Measured:
    """Where one measure of one thing is found.

    Args:
        measure: which one.
        task: the task or intermediate setting that it is about.
        other: the second task of a measure of pairs (a target, say); else empty.
        language, seed: that it was taken in; empty and -1 where it depends on none.
        keys: the stages that hold it, in the measure's own order.
    """

    measure: str
    task: str
    other: str = ""
    language: str = ""
    seed: int = -1
    keys: tuple[str, ...] = ()


def compile_measures(
    _loaded: Loaded, names: Sequence[str]
) -> tuple[tuple[Stage, ...], tuple[Measured, ...]]:
    """The stages that find measures for an experiment, and where each will be found.

    Raises:
        UnknownName: no such measure.
    """
    for name in names:
        raise UnknownName("measure", name, ())
    return (), ()
