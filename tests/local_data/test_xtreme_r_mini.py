"""The preset `xtreme-r-mini` needs no hub: every split is in the data folder, with its size."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import xstilts
from xstilts.planning.compile import compile_experiment
from xstilts.planning.data_sources import data_sources
from xstilts.tasks.origin import OriginKind

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


def test_all_splits_are_local_and_of_known_size() -> None:
    loaded = xstilts.load("xtreme-r-mini", [f"data={DATA}"])
    stages = compile_experiment(loaded).plan.stages
    sources = list(data_sources(loaded, stages))
    assert {source.task for source in sources} >= set(loaded.experiment.targets)
    assert {source.origin for source in sources} == {OriginKind.FILE}
    assert not [source for source in sources if source.guessed]
