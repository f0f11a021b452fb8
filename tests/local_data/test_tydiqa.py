"""XTREME's real TyDiQA files in `data check`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import xstilts
from xstilts.tasks.data_check import SplitState

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


def test_tydiqa_has_nine_languages_and_an_unlabelled_dev_set() -> None:
    found = {(one.split, one.language): one for one in xstilts.check_data(["tydiqa"], DATA)}
    assert found["train", "en"].rows == 3696
    assert not found["train", "en"].blank
    assert found["dev", "en"].state is SplitState.BLANK
    assert not found["dev", "en"].fails
    tests = [one for (split, _), one in found.items() if split == "test"]
    assert sum(one.rows for one in tests) == 5077
    assert all(one.blank and not one.fails for one in tests)
