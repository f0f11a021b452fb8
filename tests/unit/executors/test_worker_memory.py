"""Memory that is exhausted anywhere in a stage is a failure with advice, not a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import worker


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")]
)
def test_exhausted_memory_is_a_failed_stage_that_names_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(worker, "execute_stage", fail)
    events: list[dict[str, Any]] = []
    worker.run_stage(Store(tmp_path / "store").prepare(), Stage("train", 1, {}), events.append)
    _, failed = events
    assert (failed["event"], failed["exit_code"]) == ("failed", 3)
    assert "max_length" in failed["problem"]
    assert "traceback" not in failed
