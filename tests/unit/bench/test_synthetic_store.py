"""The store that large plans are measured on is one in which nothing is left to do."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest

import xstilts
from xstilts.testing.tiny import write_experiment

ROOT = Path(__file__).parents[3]


def test_a_run_reads_each_manifest_once_and_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, manifests: Counter[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    loaded = xstilts.load(str(write_experiment(tmp_path)), ["seeds=[0, 1, 2]"])
    with patch.dict(os.environ):  # importing bench sets variables such as HF_HUB_OFFLINE
        from bench.synthetic_store import write_store

        compiled = write_store(tmp_path / "store", loaded)
    result = xstilts.run(loaded, tmp_path / "store")
    assert not result.done
    assert not result.failed
    assert set(manifests) >= set(compiled.plan.by_key)
    assert max(manifests.values()) == 1
