"""Submission files are read as by XTREME's evaluate.py, against recorded outputs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.reports.xtreme.read import read_answers, read_lines, read_sentences

RECORDED = json.loads(Path(__file__).with_name("xtreme_readers.json").read_text("utf-8"))


def lines(path: Path) -> Any:
    return read_lines(path)


def sentences(path: Path) -> Any:
    return [list(sentence.tags) for sentence in read_sentences(path)]


def answers(path: Path) -> Any:
    return dict(read_answers(path))


@pytest.mark.parametrize("reader", [lines, sentences, answers])
def test_submissions_are_read_as_by_evaluate_py(reader: Any, tmp_path: Path) -> None:
    for number, case in enumerate(RECORDED[reader.__name__]):
        path = tmp_path / str(number)
        path.write_bytes(case["text"].encode())
        assert reader(path) == case["read"], case["text"]
