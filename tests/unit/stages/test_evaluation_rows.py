"""R13: rows, predictions and statistics are read a block at a time."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.metrics import METRICS
from xstilts.stages.io.column_values import BLOCK, ColumnValues
from xstilts.stages.io.rows import read_pieces, write_rows

SENTENCES, WORDS = 4 * BLOCK, 8


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> ColumnValues:
    """Tags of sentences; each would take more than 500 bytes as Python objects."""
    tags = pa.array(["O", "B-PER"] * (SENTENCES * WORDS // 2))
    ends = pa.array(range(0, SENTENCES * WORDS + 1, WORDS), pa.int32())
    path = tmp_path_factory.mktemp("rows") / "rows.parquet"
    pq.write_table(pa.table({"tags": pa.ListArray.from_arrays(ends, tags)}), path)
    return ColumnValues(path, "tags")


@pytest.mark.parametrize("name", ["span_f1", "tag_accuracy"])
def test_scores_need_few_bytes_per_sentence(name: str, sentences: ColumnValues) -> None:
    metric = METRICS.get(name)
    tracemalloc.start()
    table = metric.statistics(sentences, sentences, "en")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table) == SENTENCES
    assert metric.value(table.sum(0)) == 1
    assert peak < 450 * SENTENCES


def test_column_values_are_those_of_the_column(tmp_path: Path) -> None:
    values: list[Any] = [["a"], [], None, ["b", "c"]] * BLOCK
    write_rows(tmp_path / "rows.parquet", [{"id": "1", "tags": tags} for tags in values])
    column = ColumnValues(tmp_path / "rows.parquet", "tags")
    assert len(column) == len(values)
    assert list(column) == list(column) == values
    assert column[3] == ["b", "c"]
    chosen = np.array([tags == ["a"] for tags in values])
    some = replace(column, chosen=chosen)
    assert list(some) == [["a"]] * BLOCK
    assert len(some) == BLOCK


def test_a_column_of_numbers_is_an_array(tmp_path: Path) -> None:
    write_rows(tmp_path / "rows.parquet", [{"score": number / 2} for number in range(5)])
    column = ColumnValues(tmp_path / "rows.parquet", "score")
    assert np.asarray(column, dtype=np.float64).tolist() == [0, 0.5, 1, 1.5, 2]


def test_pieces_of_a_file_are_its_rows_in_order(tmp_path: Path) -> None:
    rows = [{"id": str(number), "words": ["a"] * (number % 3)} for number in range(25)]
    write_rows(tmp_path / "rows.parquet", rows)
    pieces = list(read_pieces(tmp_path / "rows.parquet", 10))
    assert [len(piece) for piece in pieces] == [10, 10, 5]
    assert [row for piece in pieces for row in piece] == rows
