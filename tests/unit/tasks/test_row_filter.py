"""Rows are filtered while they are read, with the result of comparing all of them in memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from xstilts.core.hashing import seed_of
from xstilts.formats.base import BadRow
from xstilts.formats.classification import TextExample
from xstilts.tasks import row_filter
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.limited_rows import LimitedRows
from xstilts.tasks.validate import KeptRows, filter_read_rows

Row = TextExample | BadRow
TASK = TaskSpec(
    "toy", 1, "classification", {"train": ("en",)}, ("yes", "no"), ("accuracy",),
    read=lambda _split, _language: (), fingerprint=lambda _split, _language: "",
    in_file_order=True,
)  # fmt: skip


def random_rows(generator: random.Random, mixed: bool) -> list[Row]:
    """Rows with duplicates, blank labels and other problems, and ids of both kinds."""
    rows: list[Row] = []
    for line in range(1, generator.randrange(3, 40)):
        where = f"folder/file.tsv:{line}"
        given = generator.choice(["a", "b", "c", "file.tsv:2", "file.tsv:9"])
        name = given if mixed and generator.random() < 0.3 else where.rpartition("/")[2]
        pair = generator.choice(["x", "y", None]) if mixed else "x"
        label = generator.choice(["yes", "no", "" if mixed else "yes", "other"])
        text = generator.choice(["one", "two", "three", ""])
        if generator.random() < 0.1:
            rows.append(BadRow(name, "wrong number of columns", where=where))
        else:
            rows.append(TextExample(name, text, label, pair, where))
    return rows


def plain_filter(rows: Iterable[Row], task: TaskSpec, split: str) -> tuple[list[Any], Any, Any]:
    """Usable rows, and counts of rows left out and kept by problem, with all rows in memory."""
    spec, labels = task.format_spec, frozenset(task.labels)
    usable: list[Any] = []
    out: list[str] = []
    kept: list[str] = []
    ids: set[str] = set()
    for row in rows:
        if isinstance(row, BadRow):
            out.append(row.problem)
            continue
        problem = next((kind for kind, _ in spec.problems(row, labels, split)), "")
        problem = problem or ("duplicate id" if row.id in ids else "")
        if problem:
            out.append(problem)
            continue
        ids.add(row.id)
        usable.append(row)
    pairs = {row.text_pair is not None for row in usable}
    blank = {not row.label.strip() for row in usable}
    chosen: list[Any] = []
    contents: list[object] = []
    for row in usable:
        if len(pairs) > 1 and row.text_pair is None:
            out.append("no text_pair, which other rows have")
        elif len(blank) > 1 and not row.label.strip() and split != "test":
            out.append(row_filter.NO_GOLD)
        else:
            if len(blank) > 1 and not row.label.strip():
                kept.append(row_filter.BLANK_GOLD)
            if spec.content(row) in contents:
                kept.append(row_filter.DUPLICATE)
            contents.append(spec.content(row))
            chosen.append(row)
    return chosen, out, kept


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("split", ["train", "test"])
def test_rows_and_problems_are_those_of_all_rows_in_memory(split: str, mixed: bool) -> None:
    generator, again = random.Random(split), 0
    for _ in range(150):
        rows, reads = random_rows(generator, mixed), 0

        def read(rows: list[Row] = rows) -> Iterator[Row]:
            nonlocal reads
            reads += 1
            yield from rows

        kept, found = filter_read_rows(read, TASK, split, KeptRows)
        chosen, out, noted = plain_filter(rows, TASK, split)
        assert kept.rows == chosen
        assert sorted(found.problems.left_out.elements()) == sorted(out)
        assert sorted(found.problems.kept.elements()) == sorted(noted)
        assert found.total == len(rows)
        again += reads > 1
    assert again > 100 if mixed else again == 0


@pytest.mark.parametrize("sampled", [False, True])
def test_a_limit_takes_the_rows_that_come_first_in_the_order_of_all(sampled: bool) -> None:
    generator = random.Random(7)
    for limit in (1, 3, 50, None):
        rows = [TextExample(str(n), "text", "yes") for n in range(40)]
        generator.shuffle(rows)
        order = (lambda row: seed_of("limit", row.id) % 7) if sampled else None
        limited = LimitedRows(limit, lambda row: int(row.id) % 4 > 0, order)
        for row in rows:
            limited.add(row)
        wanted = [row for row in rows if int(row.id) % 4 > 0]
        expected = sorted(wanted, key=order) if order else wanted
        assert limited.examples() == expected[:limit]
        assert (limited.usable, limited.available) == (40, 30)


def test_memory_of_a_limited_split_is_that_of_a_digest_per_row() -> None:
    text = "a text that is several times as long as its digest " * 40

    def read(count: int) -> Iterator[Row]:
        for line in range(1, count + 1):
            yield TextExample(f"f.tsv:{line}", f"{text}{line}", "yes", where=f"f.tsv:{line}")

    peaks = []
    for count in (200, 1000):
        tracemalloc.start()
        kept, _ = filter_read_rows(lambda n=count: read(n), TASK, "train", lambda: LimitedRows(10))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(kept.examples()) == 10
    assert (peaks[1] - peaks[0]) / 800 < 250  # bytes per row; texts have 2,000


def test_ids_that_are_file_and_line_are_compared_with_ids_that_look_like_them() -> None:
    first = TextExample("file.tsv:1", "one", "yes", where="file.tsv:1")
    second = replace(first, text="two", where="file.tsv:2")  # its own id is that of line 1
    kept, found = filter_read_rows(lambda: [first, second], TASK, "train", KeptRows)
    assert kept.rows == [first]
    assert found.problems.left_out == {"duplicate id": 1}
