"""Bitext mining: which sentences of two collections are translations of each other.

Source: `mine_bitext` of XTREME's utils_retrieve.py with retrieval "max" (after LASER; Artetxe
and Schwenk 2019), which jiant has as well: the ratio margin over k nearest neighbours, the
best of each sentence in both directions, then one to one from the highest score down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xstilts.metrics.base import Floats
from xstilts.metrics.knn import Neighbors, Vectors, bidirectional_knn
from xstilts.metrics.topk import Places


@dataclass(frozen=True)
class Candidates:
    """Pairs of sentences, the highest score first; no sentence is in two of them.

    Args:
        source, target: [p] rows of the two collections.
        score: [p] ratio margins, above 0.
    """

    source: Places
    target: Places
    score: Floats


@dataclass(frozen=True)
class MinedPairs:
    """What was mined for one source sentence.

    Args:
        source: its id.
        targets: ids of the sentence found for it: several where its text is repeated, none
            where none was found.
        score: ratio margin; 0 where none was found.
        repeated: whether either sentence's text occurs more than once in its collection.
    """

    source: str
    targets: tuple[str, ...] = ()
    score: float = 0.0
    repeated: bool = False


def first_of_each(texts: Sequence[str]) -> tuple[Places, Places]:
    """Rows whose text, but for spaces around it, is new: `kept` [u], and `same` [n].

    `texts[kept[same[i]]]` is the text of row i. Mine among the rows of `kept`; XTREME takes
    the last row of equal texts, whose vectors are the same.
    """
    known: dict[str, int] = {}
    same = [known.setdefault(text.strip(), len(known)) for text in texts]
    _, kept = np.unique(np.array(same, dtype=np.int64), return_index=True)
    return kept.astype(np.int64), np.array(same, dtype=np.int64)


def candidates(source: Vectors, target: Vectors, neighbours: int = 4) -> Candidates:
    """Mine pairs among the vectors of two collections without repeated sentences.

    Args:
        source: [n, d], target: [m, d]; rows of any length, compared by cosine.
        neighbours: how many nearest sentences make a neighbourhood.

    The score is cosine / mean of the two sentences' mean cosines with their neighbours.
    Of equal scores the first source sentence counts first; the reference leaves this to an
    unstable sort.
    """
    if not (len(source) and len(target)):
        return Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    forward, backward = bidirectional_knn(source, target, neighbours)
    there, back = _best(forward, backward), _best(backward, forward)
    rows = np.concatenate([np.arange(len(source)), back[0]])
    columns = np.concatenate([there[0], np.arange(len(target))])
    scores = np.concatenate([there[1], back[1]])
    order = np.argsort(-scores, kind="stable")
    chosen = _one_to_one(rows, columns, order[scores[order] > 0])
    return Candidates(rows[chosen], columns[chosen], scores[chosen])


def _best(here: Neighbors, there: Neighbors) -> tuple[Places, Floats]:
    """For each row the neighbour of the highest margin, and that margin."""
    mine, theirs = (side.cosine.mean(axis=1, dtype=np.float64) for side in (here, there))
    with np.errstate(divide="ignore", invalid="ignore"):
        margins = here.cosine / ((mine[:, None] + theirs[here.place]) / 2)
    margins = np.where(np.isnan(margins), -np.inf, margins)
    best = margins.argmax(axis=1)[:, None]
    place = np.take_along_axis(here.place, best, axis=1)
    return place[:, 0], np.take_along_axis(margins, best, axis=1)[:, 0]


def _one_to_one(rows: Places, columns: Places, order: Places) -> NDArray[np.int64]:
    """Those of `order` whose row and column were not in an earlier pair."""
    free_rows = bytearray(b"\1") * (rows.max(initial=-1) + 1)
    free_columns = bytearray(b"\1") * (columns.max(initial=-1) + 1)
    chosen = []
    pairs = zip(order.tolist(), rows[order].tolist(), columns[order].tolist(), strict=True)
    for pair, row, column in pairs:
        if free_rows[row] and free_columns[column]:
            free_rows[row] = free_columns[column] = 0
            chosen.append(pair)
    return np.array(chosen, dtype=np.int64)


def by_sentence(
    found: Candidates,
    source_ids: Sequence[str],
    source_same: Places,
    target_ids: Sequence[str],
    target_same: Places,
) -> list[MinedPairs]:
    """What was mined for every source sentence, repeated ones included, in their order.

    Args:
        found: pairs among the rows that `first_of_each` kept.
        source_ids, target_ids: [n], [m] ids of all sentences.
        source_same, target_same: [n], [m] the second result of `first_of_each`.
    """
    named: dict[int, list[str]] = {}
    for name, unique in zip(target_ids, target_same.tolist(), strict=True):
        named.setdefault(unique, []).append(name)
    times = np.bincount(source_same)
    pairs = zip(found.source.tolist(), found.target.tolist(), found.score.tolist(), strict=True)
    best = {one: (tuple(named[other]), score) for one, other, score in pairs}
    rows = []
    for name, unique in zip(source_ids, source_same.tolist(), strict=True):
        targets, score = best.get(unique, ((), 0.0))
        rows.append(MinedPairs(name, targets, score, bool(times[unique] > 1 or len(targets) > 1)))
    return rows
