"""XTREME's real TyDiQA files in `data check`."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.tasks.data_check import SplitState

DATA = Path(__file__).parents[2].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data")


def test_tydiqa_has_nine_languages_and_an_unlabelled_dev_set() -> None:
    found = {(one.split, one.language): one for one in xstilts.check_data(["tydiqa"], DATA)}
    assert found["train", "en"].rows == 3696
    assert not found["train", "en"].blank
    assert found["dev", "en"].state is SplitState.BLANK
    assert not found["dev", "en"].fails
    tests = [one for (split, _), one in found.items() if split == "test"]
    assert sum(one.rows for one in tests) == 5077
    assert all(one.blank and not one.fails for one in tests)
