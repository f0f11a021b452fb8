"""The score stages behind each number of a report's heat maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from xstilts.reports.heat_maps import HeatMap
from xstilts.studies.render import slug


@dataclass(frozen=True)
class ScoreLink:
    """The score of a seed and its stage.

    Args:
        has_row: whether the stage has a row in the table of stages.
        is_first: whether no earlier link is to the same stage.
    """

    seed: int
    value: float
    key: str
    has_row: bool
    is_first: bool


@dataclass(frozen=True)
class ScoreRow:
    """The scores behind a number, or the numbers behind a gain.

    Args:
        name: its id on the page.
        of: the ids of the rows that a gain is computed from, with their texts.
    """

    name: str
    target: str
    language: str
    setting: str
    links: tuple[ScoreLink, ...] = ()
    of: tuple[tuple[str, str], ...] = ()


def score_rows(
    parts: Iterable[tuple[str, str, Iterable[HeatMap]]], listed: Iterable[str]
) -> Iterator[ScoreRow]:
    """A row per number, then per gain, of each target.

    Args:
        parts: encoder, beginning of its ids, and heat maps.
        listed: keys of the stages that have a row of their own.
    """
    known, seen = frozenset(listed), set[str]()
    for encoder, prefix, maps in parts:
        for one in maps:
            target = f"{encoder} {one.target}".strip()
            yield from _numbers(one, target, prefix, known, seen)
            yield from _gains(one, target, prefix)


def _name(prefix: str, target: str, code: str, column: int) -> str:
    return f"{prefix}scores-{target}-{code}-{column}"


def _numbers(
    one: HeatMap, target: str, prefix: str, known: frozenset[str], seen: set[str]
) -> Iterator[ScoreRow]:
    for spoken, cells in one.rows:
        for column, cell in enumerate(cells):
            links = []
            for seed, value, key in cell.keys:
                links.append(ScoreLink(seed, value, key, key in known, key not in seen))
                seen.add(key)
            if links:
                name = _name(prefix, one.target, spoken.code, column)
                yield ScoreRow(name, target, spoken.code, one.settings[column], tuple(links))


def _gains(one: HeatMap, target: str, prefix: str) -> Iterator[ScoreRow]:
    for column, setting in enumerate(one.settings[1:], start=1):
        of = tuple(
            (_name(prefix, one.target, spoken.code, place), f"{spoken.code} {one.settings[place]}")
            for spoken, cells in one.rows
            for place in (0, column)
            if cells[place].keys
        )
        name = f"{prefix}gain-{one.target}-{slug(setting)}"
        yield ScoreRow(name, target, "gain", setting, of=of)
