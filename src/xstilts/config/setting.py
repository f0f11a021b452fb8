"""Intermediate settings: `none`, `mnli`, `mnli+qqp` (a mixture), `squad > mnli` (a chain)."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.core.errors import ConfigError

BASELINE = "none"


@dataclass(frozen=True)
class Setting:
    """A chain of mixtures; each mixture is a tuple of task names. The baseline's is empty."""

    name: str
    chain: tuple[tuple[str, ...], ...]

    @property
    def tasks(self) -> frozenset[str]:
        """Every task in the chain."""
        return frozenset(task for mixture in self.chain for task in mixture)


def parse_setting(text: str) -> Setting:
    """The setting that a text names. The order within a mixture means nothing.

    Raises:
        ConfigError: an empty part, or a task twice in one mixture.
    """
    if text.strip() == BASELINE:
        return Setting(BASELINE, ())
    chain = tuple(
        tuple(sorted(task.strip() for task in mixture.split("+"))) for mixture in text.split(">")
    )
    for mixture in chain:
        if "" in mixture or BASELINE in mixture or len(set(mixture)) != len(mixture):
            raise ConfigError(
                f"{text!r} is no intermediate setting",
                todo="write none, a task, task+task (a mixture) or setting > setting (a chain)",
            )
    return Setting(" > ".join("+".join(mixture) for mixture in chain), chain)
