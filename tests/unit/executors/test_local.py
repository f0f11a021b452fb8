"""A worker goes on with the model that it has in memory."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any, cast

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.local import LocalExecutor, _RunState, _Worker
from xstilts.models.encoder import frozen_encoder
from xstilts.models.encoder_files import EncoderFiles


def given(store: Store, workers: int) -> list[list[str]]:
    """The models of the stages that each worker is given, one stage at a time, in turns."""
    stages = [Stage("embed", 1, {"n": n}, affinity="abc"[n % 3]) for n in range(12)]
    run = _RunState(LocalExecutor(store, workers=workers), Plan(stages), lambda _: None)
    run.pool = [_Worker(cast("Any", None)) for _ in range(workers)]
    taken: list[list[str]] = [[] for _ in run.pool]
    while run.todo:
        for worker, mine in zip(run.pool, taken, strict=True):
            worker.stage = None
            if stage := run._next(worker):
                del run.todo[stage.key]
                worker.stage, worker.affinity = stage, stage.affinity
                mine.append(stage.affinity)
    return taken


def test_a_worker_changes_its_model_only_when_it_must(tmp_path: Path) -> None:
    (alone,) = given(Store(tmp_path), 1)
    assert [model for model, _ in groupby(alone)] == ["a", "b", "c"]


def test_workers_share_models_only_when_nothing_else_is_left(tmp_path: Path) -> None:
    one, other = given(Store(tmp_path), 2)
    assert one[:4] == ["a"] * 4
    assert other[:4] == ["b"] * 4
    assert set(one[4:] + other[4:]) == {"c"}


def test_an_encoder_is_loaded_once(root: Path) -> None:
    assert frozen_encoder(EncoderFiles(root)) is frozen_encoder(EncoderFiles(root))
