"""Intermediate settings: `none`, `mnli`, `mnli+qqp` (a mixture), `squad-v1 > mnli` (a chain).

A task may name the languages of its training data: `mnli@de` or `pan-x@de,fr`.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.core.errors import ConfigError

NO_INTERMEDIATE = "none"
"""The setting without intermediate training; the usual baseline."""


@dataclass(frozen=True, order=True)
class TaskRef:
    """A task and the languages of its training data; empty: the default of the task."""

    task: str
    languages: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The text that parses to it: `mnli`, `mnli@de,fr`."""
        return f"{self.task}@{','.join(self.languages)}" if self.languages else self.task


Mixture = tuple[TaskRef, ...]


def mixture_name(mixture: Mixture) -> str:
    """The text that parses to a mixture: `mnli+qqp`."""
    return "+".join(part.name for part in mixture)


@dataclass(frozen=True)
class IntermediateSetting:
    """A chain of mixtures; empty for `none`."""

    name: str
    chain: tuple[Mixture, ...]

    @property
    def parts(self) -> tuple[TaskRef, ...]:
        """All tasks of all mixtures, sorted, without duplicates."""
        return tuple(sorted({part for mixture in self.chain for part in mixture}))

    @property
    def single(self) -> TaskRef | None:
        """The task of a setting with only one; None for `none`, mixtures and chains."""
        return self.chain[0][0] if [len(mixture) for mixture in self.chain] == [1] else None

    def after(self, start: IntermediateSetting) -> IntermediateSetting | None:
        """The trainings that it adds to a setting that it begins with; None if it does not."""
        depth = len(start.chain)
        if self.chain[:depth] != start.chain:
            return None
        return setting_of(self.chain[depth:])

    @property
    def tasks(self) -> frozenset[str]:
        """Names of all tasks in the chain."""
        return frozenset(part.task for part in self.parts)


def parse_task_ref(text: str) -> TaskRef:
    """Parse `task` or `task@language,language`.

    Raises:
        ConfigError: no task, or an empty or repeated language.
    """
    task, at, tail = text.strip().partition("@")
    languages = tuple(code.strip() for code in tail.split(",")) if at else ()
    if not task.strip() or "" in languages or len(set(languages)) != len(languages):
        raise ConfigError(
            f"{text!r} is not a task with optional languages",
            todo="write a task, or task@language,language",
        )
    return TaskRef(task.strip(), languages)


def parse_task_chain(text: str) -> tuple[TaskRef, ...]:
    """Parse `task` or `task > task`: tasks that are trained one after the other.

    Raises:
        ConfigError: an empty task, or `none` in a chain.
    """
    chain = tuple(map(parse_task_ref, text.split(">")))
    if len(chain) > 1 and NO_INTERMEDIATE in {part.task for part in chain}:
        raise ConfigError(f"{NO_INTERMEDIATE} in {text!r} trains nothing", todo="leave it out")
    return chain


def parse_setting(text: str) -> IntermediateSetting:
    """Parse an intermediate setting; the order within a mixture does not matter.

    Raises:
        ConfigError: an empty task, or a repeated task in one mixture.
    """
    if text.strip() == NO_INTERMEDIATE:
        return IntermediateSetting(NO_INTERMEDIATE, ())
    wrong = ConfigError(
        f"{text!r} is not an intermediate setting",
        todo="write none, a task, task@language (training data in another language than English), "
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
        if NO_INTERMEDIATE in names or len(set(names)) != len(names):
            raise wrong
    return setting_of(chain)


def setting_of(chain: tuple[Mixture, ...]) -> IntermediateSetting:
    """The setting that trains a chain of mixtures; `none` for an empty one."""
    name = " > ".join(mixture_name(mixture) for mixture in chain)
    return IntermediateSetting(name or NO_INTERMEDIATE, chain)
