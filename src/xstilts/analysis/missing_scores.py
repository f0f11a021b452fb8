"""Sentences on results without a score: not computed yet, or of sets without usable labels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache

from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.planning.compile import ResultCell
from xstilts.stages.io.rows import read_rows
from xstilts.stages.prepare import ROWS

SHOWN = 3
"""Sets of rows that a note names, at most."""
EVALUATED = ("rows", "rows:here")
"""Roles of the rows that a score has the gold answers of."""


def missing_score_notes(
    cells: Collection[ResultCell],
    scored: Collection[str],
    stages: Callable[[], Mapping[str, Stage]],
    store: Store,
) -> Iterator[str]:
    """How many cells have no score yet, and which sets are not scored; nothing if all or none are.

    A finished score without a value, as of earlier versions, is of a set without labels.

    Args:
        scored: keys of the cells with a score.
        stages: returns key → stage of the experiment; only called if scores are missing.
    """
    without = [cell for cell in cells if cell.key not in scored]
    if not scored or not without:
        return
    by_key = stages()
    is_blank = cache(lambda key, form: _is_blank(key, form, store))
    unlabelled = [
        cell
        for cell in without
        if store.get_finished(cell.key) or _lacks_gold(by_key.get(cell.key), is_blank, store)
    ]
    missing = len(without) - len(unlabelled)
    if missing:
        yield (
            f"{missing:,} of {len(cells):,} scores are missing (of a target, setting, language and "
            "seed), and in no mean; `xstilts status` shows what failed or is to do"
        )
    if unlabelled:
        sets = list(dict.fromkeys(f"{one.target} {one.split} {one.language}" for one in unlabelled))
        more = [f"{len(sets) - SHOWN} more"] if len(sets) > SHOWN else []
        yield (
            f"the gold labels of {', '.join([*sets[:SHOWN], *more])} are blank or all the same: "
            f"not scored ({len(unlabelled):,} of {len(cells):,} scores)"
        )


def _lacks_gold(stage: Stage | None, is_blank: Callable[[str, str], bool], store: Store) -> bool:
    """Whether all that a score lacks is gold answers."""
    if stage is None or not store.get_finished(stage.inputs.get("predictions", "")):
        return False
    rows = (key for role, key in stage.inputs.items() if role in EVALUATED)
    return any(is_blank(key, stage.params["format"]) for key in rows)


def _is_blank(key: str, form: str, store: Store) -> bool:
    """Whether prepared rows have no gold answers that can be scored.

    Raises:
        DamagedArtifact: the rows are not what was published.
    """
    spec = FORMATS.get(form)
    if not spec.gold or not store.get_finished(key):
        return False
    return spec.gold_is_blank(
        spec.gold_of_rows(read_rows(store.read(key, ROWS), [spec.gold.column]))
    )
