"""The order in which workers get stages."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from xstilts.core.stage import Stage
from xstilts.executors.schedule import choose_stage
from xstilts.models.encoder import frozen_encoder
from xstilts.models.encoder_files import EncoderFiles


def models_in_turn(workers: int) -> list[list[str]]:
    """The models of the stages that each worker is given, one stage at a time, in turns."""
    ready = [Stage("embed", 1, {"n": n}, affinity="abc"[n % 3]) for n in range(12)]
    given: list[list[str]] = [[] for _ in range(workers)]
    while ready:
        for mine in given:
            loaded = mine[-1] if mine else ""
            elsewhere = {other[-1] for other in given if other and other is not mine}
            if stage := choose_stage(ready, loaded, elsewhere):
                ready.remove(stage)
                mine.append(stage.affinity)
    return given


def test_a_worker_reuses_its_model_while_possible() -> None:
    (alone,) = models_in_turn(1)
    assert [model for model, _ in groupby(alone)] == ["a", "b", "c"]


def test_workers_share_models_only_when_nothing_else_is_left() -> None:
    one, other = models_in_turn(2)
    assert one[:4] == ["a"] * 4
    assert other[:4] == ["b"] * 4
    assert set(one[4:] + other[4:]) == {"c"}


def test_an_encoder_is_loaded_once(root: Path) -> None:
    assert frozen_encoder(EncoderFiles(root)) is frozen_encoder(EncoderFiles(root))
