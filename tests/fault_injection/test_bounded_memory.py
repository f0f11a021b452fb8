"""R13: memory of evaluations with many rows, and of mining, is bounded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from xstilts.core.cpu import available_cores, set_core_limit
from xstilts.metrics.bitext_mining import mine_pairs
from xstilts.testing.evaluation_memory import growth

ROWS = 200_000
STEPS = ("features", "predict", "score")
BAR = 50
"""MB of growth."""
WIDTH = 16

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("form", ["classification", "tagging"])
def test_evaluating_200_000_rows_grows_by_less_than_50_mb(form: str, tmp_path: Path) -> None:
    grown = {step: step_growth(tmp_path, form, step) for step in STEPS}
    print(form, {step: f"+{size:.0f} MB" for step, size in grown.items()})
    assert max(grown.values()) < BAR, grown


def step_growth(folder: Path, form: str, step: str) -> float:
    """By how many MB a process grows in a step; the first makes the data."""
    command = [sys.executable, "-m", "xstilts.testing.evaluation_memory", str(folder), form]
    if step == "features":
        subprocess.run([*command, str(ROWS), "make"], check=True)
    ended = subprocess.run([*command, str(ROWS), step], check=True, capture_output=True, text=True)
    return float(ended.stdout.split()[-1])


@pytest.mark.timeout(24 * 3600)
@pytest.mark.parametrize(
    "sentences",
    [
        pytest.param(100_000, marks=pytest.mark.faults, id="100000"),
        pytest.param(1_000_000, marks=pytest.mark.heavy, id="1000000"),
    ],
)
def test_mining_takes_less_than_700_bytes_per_sentence(sentences: int) -> None:
    random = np.random.default_rng(0)
    source = random.standard_normal((sentences, WIDTH), dtype=np.float32)
    target = source + 0.1 * random.standard_normal((sentences, WIDTH), dtype=np.float32)
    mine_pairs(source[:4096], target[:4096])
    set_core_limit(available_cores())
    pairs = []
    grown = growth(lambda: pairs.append(mine_pairs(source, target)))
    print(f"{sentences:,} × {sentences:,}: +{grown:.0f} MB")
    assert len(pairs[0].source) > 0.9 * sentences
    assert grown * 2**20 < 700 * sentences
