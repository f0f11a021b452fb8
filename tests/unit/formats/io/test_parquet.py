"""Parquet files whose columns or description are damaged are refused by name."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import parquet_rows


def test_a_column_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    columns = [pa.array(["x"]), pa.array(["a"]), pa.array(["b"])]
    table = pa.Table.from_arrays(columns, names=["text", "label", "label"])
    pq.write_table(table, tmp_path / "rows.parquet")
    with pytest.raises(DataError, match="label"):
        list(parquet_rows()(tmp_path / "rows.parquet", "rows"))


@pytest.mark.parametrize("description", ["{bad", "[]", '{"info": null}', "[" * 9999])
def test_a_damaged_description_is_refused_only_where_it_is_needed(
    tmp_path: Path, description: str
) -> None:
    table = pa.table({"text": ["x"], "label": [0]})
    path = tmp_path / "rows.parquet"
    pq.write_table(table.replace_schema_metadata({"huggingface": description}), path)
    assert len(list(parquet_rows()(path, "rows"))) == 1
    with pytest.raises(DataError):
        list(parquet_rows({"label": ("a", "b")})(path, "rows"))
