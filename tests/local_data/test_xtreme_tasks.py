"""XTREME's real files: every row is usable, and the counts equal the published ones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import validated

DATA = (
    Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared")
    / "data"
    / "xtreme"
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


def task(name: str) -> TaskSpec:
    made = TASKS.get(name)
    assert made.with_data_dir
    return made.with_data_dir(DATA)


@pytest.mark.parametrize(
    ("name", "split", "languages", "rows"),
    [
        ("xnli", "dev", ("en", "sw", "zh"), 2490),
        ("xnli", "test", ("en", "ur"), 5010),
        ("paws-x", "dev", ("de", "fr", "ko"), 2000),
        ("pan-x", "train", ("en",), 20_000),
        ("pan-x", "dev", ("vi", "yo"), None),
        ("pan-x", "test", ("qu", "gu", "pa"), 100),
        ("pan-x", "test", ("pl", "uk", "lt", "ro", "az"), 1000),
        ("udpos", "train", ("en",), 21_787),
        ("udpos", "test", ("af", "ja", "th"), None),
        ("xquad", "test", ("en", "hi", "vi"), 1190),
        ("tatoeba", "test", ("az", "en:lt", "pl", "uk", "ro"), 1000),
        ("tydiqa", "train", ("en",), 3696),
        ("tydiqa", "test", ("ar",), 921),
    ],
)
def test_every_row_is_usable(
    name: str, split: str, languages: tuple[str, ...], rows: int | None
) -> None:
    """TyDiQA's English train is exactly 3,696 questions: no other language is among them."""
    made = task(name)
    for language in languages:
        kept, complaints = validated(made.read(split, language), made, split, language)
        assert set(complaints.counts) <= {"duplicate row, kept"}
        assert rows is None or len(kept) == rows
