"""`withhold`: prepared rows of which a model is to see only a part.

What the rest still gives away is no skill in the task: Gururangan et al. (2018) and Poliak et al.
(2018) found it in hypotheses of NLI. The forms for other formats are ours.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from xstilts.core.hashing import seed_of
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS

Row = dict[str, Any]


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet`, its rows in their order, each with a part gone; facts: rows."""
    without = WITHOUT[context.params["format"]]
    rows = [without(row) for row in read_rows(context.inputs["rows"] / ROWS)]
    write_rows(context.folder / ROWS, rows)
    return {"rows": len(rows)}


def _texts(row: Row) -> Row:
    """The second text of a pair alone; of a single text the words in another order."""
    if row.get("text_pair") is not None:
        return {**row, "text": row["text_pair"], "text_pair": None}
    words = row["text"].split()
    return {**row, "text": " ".join(words[place] for place in _order(row, len(words)))}


def _context(row: Row) -> Row:
    """The choices without what they continue."""
    return {**row, "text": ""}


def _question(row: Row) -> Row:
    """The text in which something is to be found, and not what."""
    return {**row, "question": ""}


def _words(row: Row) -> Row:
    """The words and their tags in another order."""
    order = _order(row, len(row["tokens"]))
    return {**row, **{name: [row[name][place] for place in order] for name in ("tokens", "tags")}}


def _order(row: Row, count: int) -> list[int]:
    order = list(range(count))
    random.Random(seed_of("withhold", row["id"])).shuffle(order)
    return order


WITHOUT: Mapping[str, Callable[[Row], Row]] = {
    "classification": _texts,
    "multiple_choice": _context,
    "span": _question,
    "tagging": _words,
}
"""Format → a row without a part of it; the same row always loses the same."""
