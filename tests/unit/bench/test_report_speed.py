"""The store that reports are timed on has what they read."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest

import xstilts

ROOT = Path(__file__).parents[3]


def test_a_fabricated_store_has_results_and_a_report_of_every_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    with patch.dict(os.environ):  # importing bench sets variables such as HF_HUB_OFFLINE
        from bench import report_speed
    small = ["intermediate=[none, mnli]", "languages=[en, de]", "seeds=[0]"]
    (tmp_path / "data").mkdir()
    loaded = xstilts.load(
        report_speed.EXPERIMENT, [report_speed.TARGETS, *small], data=tmp_path / "data"
    )
    monkeypatch.setattr(report_speed, "loaded", lambda _: loaded)
    report_speed.make(tmp_path / "store")
    results = xstilts.results(loaded, tmp_path / "store")
    assert set(results["target"]) == set(loaded.experiment.targets)
    assert set(results["n"]) == {report_speed.EXAMPLES}
    page = xstilts.report(loaded, tmp_path / "report.html", tmp_path / "store").read_text()
    assert page.count('<table class="calibration">') == 2  # xnli and paws-x
