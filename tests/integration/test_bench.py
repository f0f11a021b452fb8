"""Every benchmark runs at toy size and passes its own equality check."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDS = {"mine": "faiss", "tatoeba": "sentence_transformers"}
ROWS = {
    "finetune": 3, "mlm": 2, "memory": 2, "lora": 5, "evaluate": 1, "tatoeba": 1, "mine": 2,
    "grid": 2, "startup": 3, "worker_start": 2, "finetune-bf16": 1, "precision": 2,
}  # fmt: skip


@pytest.mark.heavy
@pytest.mark.parametrize("name", ROWS)
def test_each_benchmark_runs_at_toy_size(name: str) -> None:
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"no {NEEDS[name]}: pip install '.[bench]'")
    module, _, precision = name.partition("-")
    command = [sys.executable, "-m", f"bench.{module}", "--tiny", "--rounds", "1"]
    command += ["--precision", precision] if precision else []
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = ROOT / "build" / "bench" / f"{name}-tiny.json"
    found = json.loads(written.read_text(encoding="utf-8"))
    assert len(found["rows"]) == ROWS[name]
    assert all(value > 0 for row in found["rows"] for value in row["values"])
