"""The file of a plan that the nodes of a batch system drain."""

from __future__ import annotations

import random
import signal
from pathlib import Path

import pytest

from xstilts.core.errors import StoreError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.drain import main, read_plan, write_plan
from xstilts.testing.damages import DAMAGES

PLAN = Plan.of([Stage("prepare", 1, {"n": 10}, label="rows 10", context={"folder": "data"})])
OTHER = Plan.of([Stage("prepare", 1, {"n": 11}, label="rows 11")])


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_is_named_and_not_run(
    damage: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    store = Store(tmp_path / "store").prepare()
    path, other = write_plan(store, PLAN), write_plan(store, OTHER)
    assert read_plan(path) == PLAN
    assert DAMAGES[damage](path, other, random.Random(0))
    with pytest.raises(StoreError, match=path.name):
        read_plan(path)
    assert main(str(store.root), str(path)) == 4
    assert path.name in capsys.readouterr().out
