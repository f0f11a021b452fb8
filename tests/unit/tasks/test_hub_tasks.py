"""Own tasks from a data set on the hub, with other names of columns and splits."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.config.file_task import FileTask
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import validated


def test_columns_and_splits_of_a_hub_data_set_are_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "0000.parquet"
    pq.write_table(pa.table({"sentence": ["fine", "poor"], "sentiment": ["good", "bad"]}), path)
    asked = []

    def download(dataset: str, file: str, *, repo_type: str, revision: str) -> str:
        asked.append((dataset, file, repo_type, revision))
        return str(path)

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    own = {
        "format": "classification",
        "hub": "me/reviews@abc",
        "files": "{language}/{split}/0000.parquet",
        "splits": {"dev": ["sw"]},
        "split_names": {"dev": "validation"},
        "codes": {"sw": "swa"},
        "rename": {"sentence": "text", "sentiment": "label"},
        "labels": ["good", "bad"],
    }
    made = file_task("mine", FileTask.model_validate(own), tmp_path)
    kept, _ = validated(made.read("dev", "sw"), made, "dev", "sw")
    assert [(one.text, one.label) for one in kept] == [  # type: ignore[attr-defined]
        ("fine", "good"),
        ("poor", "bad"),
    ]
    assert asked == [("me/reviews", "swa/validation/0000.parquet", "dataset", "abc")]
