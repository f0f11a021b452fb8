"""The benchmark page lists measurements, missing ones, and missed targets."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(name="page")
def _page(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    with patch.dict(os.environ):  # importing bench sets variables such as HF_HUB_OFFLINE
        from bench import report as page

        yield page
    for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
        del sys.modules[name]


def found(*rows: dict[str, Any]) -> dict[str, Any]:
    plain = {"rival": "r", "aim": None, "share": False, "small_is_good": False, "notes": {}}
    return {
        "command": "python -m bench.x --rounds 3",
        "skipped": "",
        "rows": [{**plain, **row} for row in rows],
        "machine": {"processor": "a chip", "precision": "fp32", "system": "Linux"},
        "versions": {"torch": "2"},
    }


def test_the_page_has_medians_spreads_and_missed_targets(page: Any) -> None:
    notes = {"seconds": [1, 2], "GB at so many rows": {8: 4.0, 16: 6.5}}
    fast = {"benchmark": "tuning", "values": [2.0, 3.0, 2.5], "at_least": 2.3}
    slow = {"benchmark": "mining", "values": [2.0], "at_least": 5.0, "notes": notes}
    small = {"benchmark": "bytes", "values": [0.5], "at_least": 0.6}
    text = page.page(
        {
            "finetune": found(fast),
            "mine": found(slow),
            "memory": found({**small, "share": True, "small_is_good": True}),
            "tatoeba": page.FAILED,
            "worker_start": found({**small, "seconds": True, "small_is_good": True, "rival": ""}),
        }
    )
    lines = text.splitlines()
    assert "| tuning | r | **2.50×** | 2.00× – 3.00× | at least 2.30× |  |" in lines
    assert "| mining | r | **2.00×** (missed) | 2.00× – 2.00× | at least 5.00× |  |" in lines
    assert "| bytes | r | **50.0 %** | 50.0 % – 50.0 % | at most 60.0 % |  |" in lines
    assert "| bytes |  | **0.50 s** | 0.50 s – 0.50 s | at most 0.60 s |  |" in lines
    assert "| tatoeba | | not measured: failed, or not run | | | |" in lines
    limits = [line for line in lines if line.startswith("- `")]
    assert limits == [f"- `mine`: {page.LIMITS['mine']}"]
    assert "- mining, r: seconds 1, 2; GB at so many rows 8: 4.0, 16: 6.5." in lines
    assert lines.count("- a chip; fp32; Linux") == 1


def test_the_ratio_that_products_alone_would_leave_is_given(page: Any) -> None:
    from bench.timing import PRODUCT_SHARE

    notes = {PRODUCT_SHARE: 0.8}
    row = {"benchmark": "tuning", "values": [2.0], "at_least": 2.8, "notes": notes}
    lines = page.page({"finetune": found(row)}).splitlines()
    assert f"- tuning, r: {PRODUCT_SHARE} 0.8; ratio if only products took time 2.5." in lines


def test_no_reasons_are_needed_without_a_missed_target(page: Any) -> None:
    text = page.page({"mlm": found({"benchmark": "b", "values": [4.0], "at_least": None})})
    assert "missed" not in text
