"""Mine pairs among collections of sentence vectors, against faiss and the reference's margin loop.

A third side does as many operations in fp32 products of large matrices: what this machine can do at
the time, since the rate of a shared machine changes from minute to minute. Where the CPU is fast in
bf16, mining computes few cosines in fp32 and can be faster than these products.

`--size`: vectors of each side, of 384 numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
import torch

from bench import THREADS
from bench.cli import Options, program
from bench.machine import every_core
from bench.timing import Measurement, Row, alternate, ratios, timed
from xstilts.metrics.bitext_mining import Matching, mine_pairs
from xstilts.metrics.knn import Vectors
from xstilts.models.bf16_products import fast_bf16_product

WIDTH, NEIGHBOURS, SQUARE = 384, 4, 2048
Pairs = list[tuple[float, int, int]]


def vectors(size: int) -> tuple[Vectors, Vectors]:
    """Unit vectors, half of which have a noisy translation on the other side."""
    draw = np.random.default_rng(0)
    source, target = draw.standard_normal((2, size, WIDTH), dtype=np.float32)
    half = size // 2
    target[:half] = source[:half] + 0.5 * target[:half]
    target = target[draw.permutation(size)]
    for side in (source, target):
        side /= np.linalg.norm(side, axis=1, keepdims=True)
    return source, target


def reference(source: Vectors, target: Vectors) -> Pairs:
    """faiss both ways, then margins row by row and one to one from the best down.

    The procedure of XTREME's `mine_bitext` with retrieval "max": ratio margin, k = 4.
    """
    there, back = _search(source, target), _search(target, source)
    means = [side[0].mean(axis=1) for side in (there, back)]
    forward = _best(there, means[0], means[1])
    backward = _best(back, means[1], means[0])
    pairs = [(score, row, column) for row, (score, column) in enumerate(forward)]
    pairs += [(score, column, row) for row, (score, column) in enumerate(backward)]
    seen_rows, seen_columns, chosen = set[int](), set[int](), Pairs()
    for score, row, column in sorted(pairs, key=lambda pair: -pair[0]):
        if score > 0 and row not in seen_rows and column not in seen_columns:
            seen_rows.add(row)
            seen_columns.add(column)
            chosen.append((score, row, column))
    return chosen


def _search(queries: Vectors, collection: Vectors) -> tuple[Any, Any]:
    index = faiss.IndexFlatIP(WIDTH)
    index.add(collection)
    cosine, column = index.search(queries, NEIGHBOURS)
    return cosine, column


def _best(neighbours: tuple[Any, Any], mine: Any, theirs: Any) -> list[tuple[float, int]]:
    """Each row's neighbour of the highest margin, one scalar at a time as the reference does."""
    cosine, column = neighbours
    best = []
    for row in range(len(cosine)):
        scores = [
            cosine[row, rank] / ((mine[row] + theirs[column[row, rank]]) / 2)
            for rank in range(NEIGHBOURS)
        ]
        rank = int(np.argmax(scores))
        best.append((float(scores[rank]), int(column[row, rank])))
    return best


def check(ours: Matching, theirs: Pairs) -> int:
    """Both sides mine the same pairs, but for a few of as good as equal scores.

    Raises:
        AssertionError: they do not.
    """
    positions = zip(ours.source.tolist(), ours.target.tolist(), strict=True)
    mine = dict(zip(positions, ours.score.tolist(), strict=True))
    other = {(row, column): score for score, row, column in theirs}
    both = mine.keys() & other.keys()
    assert len(both) >= 0.999 * max(len(mine), len(other)), f"{len(both)} of {len(mine)} equal"
    assert all(abs(mine[pair] - other[pair]) < 1e-4 for pair in both), "other scores"
    return len(both)


@every_core()
def mined(source: Vectors, target: Vectors) -> Matching:
    """Our side."""
    return mine_pairs(source, target, NEIGHBOURS, fast_bf16_product())


def products(rows: int) -> Measurement:
    """About as many operations as a mining of so many rows needs, in fp32 products of squares."""
    square, product = torch.randn(2, SQUARE, SQUARE)
    count = max(1, round(WIDTH * rows * rows / SQUARE**3))

    def action() -> None:
        for _ in range(count):
            torch.mm(square, square, out=product)

    return timed(action, count * SQUARE**3 / WIDTH)


def measure(options: Options) -> list[Row]:
    """Two rows: against faiss, and against matrix products, measured next to our turn."""
    size = options.size or (2000 if options.tiny else 100_000)
    source, target = vectors(size)
    faiss.omp_set_num_threads(THREADS)
    last = dict[str, Any]()

    def side(name: str, mining: Callable[[Vectors, Vectors], Any]) -> Callable[[int], Measurement]:
        def turn(number: int) -> Measurement:
            rows = size if number else min(size, 5000)  # the warm-up need not be long

            def action() -> None:
                last[name] = mining(source[:rows], target[:rows])

            return timed(action, rows * rows)

        return turn

    turns = alternate(
        {
            "xstilts": side("xstilts", mined),
            "products": lambda number: products(size if number else min(size, 5000)),
            "rival": side("rival", reference),
        },
        options.rounds,
    )
    pairs = check(last["xstilts"], last["rival"])
    alone = ratios(turns["rival"], turns["products"])
    seconds = {name: [round(turn.seconds, 1) for turn in side] for name, side in turns.items()}
    notes = {
        "equal pairs": pairs,
        "speed-up if only fp32 products took time": [round(ratio, 2) for ratio in alone],
        "seconds": seconds["xstilts"],
        "rival's seconds": seconds["rival"],
        "seconds of the products alone": seconds["products"],
    }
    name = f"mine {size:,} × {size:,} × {WIDTH}"
    rival = "faiss IndexFlatIP both ways + the reference margin loop"
    return [
        Row(name, rival, ratios(turns["rival"], turns["xstilts"]), 2.5, 4.0, notes=notes),
        Row(
            *(name, "this machine's fp32 matrix product, as many operations"),
            *(ratios(turns["products"], turns["xstilts"]), 0.7, 0.9),
            share=True,
        ),
    ]


if __name__ == "__main__":
    program("mine", measure, rounds=2, size="vectors on each side")
