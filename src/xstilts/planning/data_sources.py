"""Where the data of a plan would come from: said before anything runs, opening nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xstilts.config.load import Loaded
from xstilts.core.stage import Stage
from xstilts.planning.resolve import GUESS, Names


@dataclass(frozen=True)
class Supply:
    """One split of a task that a plan reads.

    Args:
        languages: those that come from the same kind of place.
        origin: `hub`, `file` and the like, the first word of `TaskSpec.origin`; empty: missing.
        guessed: whether it is counted as `names.GUESS` examples because nobody knows its size.
    """

    task: str
    split: str
    languages: tuple[str, ...]
    origin: str
    guessed: bool


def supplies(loaded: Loaded, stages: Iterable[Stage]) -> Iterator[Supply]:
    """What the `prepare` stages among these read, in their order, by task, split and origin."""
    names = Names(loaded)
    groups: dict[tuple[str, str, str, bool], dict[str, None]] = {}
    for stage in stages:
        if stage.kind == "prepare":
            name, split, language = (stage.params[key] for key in ("task", "split", "language"))
            task, limit = names.task(name), stage.params["limit"]
            origin = (task.origin(split, language) or "").partition(" ")[0]
            guessed = (split, language) not in task.sizes and (limit is None or limit > GUESS)
            groups.setdefault((name, split, origin, guessed), {})[language] = None
    for (name, split, origin, guessed), languages in groups.items():
        yield Supply(name, split, tuple(languages), origin, guessed)
