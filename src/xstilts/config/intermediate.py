"""Intermediate settings: `none`, `mnli`, `mnli+qqp` (a mixture), `squad-v1 > mnli` (a chain).

A task may name the languages of its training data: `mnli@de` or `pan-x@de,fr`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.core.errors import ConfigError

BASELINE = "none"


@dataclass(frozen=True, order=True)
class TaskRef:
    """A task of a mixture and the languages of its training data; none: the task's own."""

    task: str
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As it is written: `mnli`, `mnli@de,fr`."""
        return f"{self.task}@{','.join(self.languages)}" if self.languages else self.task


Mixture = tuple[TaskRef, ...]


def mixture_name(mixture: Mixture) -> str:
    """As it is written: `mnli+qqp`."""
    return "+".join(part.name for part in mixture)


@dataclass(frozen=True)
class IntermediateSetting:
    """A chain of mixtures. The baseline's is empty."""

    name: str
    chain: tuple[Mixture, ...]

    @property
    def parts(self) -> tuple[TaskRef, ...]:
        """Every part of every mixture, each once."""
        return tuple(sorted({part for mixture in self.chain for part in mixture}))

    @property
    def single(self) -> TaskRef | None:
        """The part of a setting that is one task; none of mixtures and chains."""
        return self.chain[0][0] if [len(mixture) for mixture in self.chain] == [1] else None

    @property
    def tasks(self) -> frozenset[str]:
        """Every task in the chain."""
        return frozenset(part.task for part in self.parts)


def parse_task_ref(text: str) -> TaskRef:
    """The task and languages that a text names.

    Raises:
        ConfigError: no task, or an empty language.
    """
    task, at, tail = text.strip().partition("@")
    languages = tuple(code.strip() for code in tail.split(",")) if at else ()
    if not task.strip() or "" in languages or len(set(languages)) != len(languages):
        raise ConfigError(
            f"{text!r} names no training data",
            todo="write a task, or task@language,language",
        )
    return TaskRef(task.strip(), languages)


def parse_setting(text: str) -> IntermediateSetting:
    """The setting that a text names. The order within a mixture means nothing.

    Raises:
        ConfigError: an empty part, or a task twice in one mixture.
    """
    if text.strip() == BASELINE:
        return IntermediateSetting(BASELINE, ())
    wrong = ConfigError(
        f"{text!r} is no intermediate setting",
        todo="write none, a task, task@language (training data in other languages than English), "
        "task+task (a mixture) or setting > setting (a chain)",
    )
    try:
        chain = tuple(
            tuple(sorted(parse_task_ref(part) for part in mixture.split("+")))
            for mixture in text.split(">")
        )
    except ConfigError:
        raise wrong from None
    for mixture in chain:
        names = [part.task for part in mixture]
        if BASELINE in names or len(set(names)) != len(names):
            raise wrong
    return IntermediateSetting(" > ".join(mixture_name(mixture) for mixture in chain), chain)
