"""The ranking of encoders in a terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from xstilts.analysis.encoder_ranking import RankedEncoder
from xstilts.analysis.encoders_compared import EncodersCompared
from xstilts.analysis.mixed_runs import BEST
from xstilts.analysis.run_states import RunState
from xstilts.cli.output.run import show_ranking
from xstilts.config.intermediate import NO_INTERMEDIATE

RANKED = RankedEncoder(
    NO_INTERMEDIATE, "xnli", "accuracy", "a", NO_INTERMEDIATE, 0.7, rank=1, seeds=1
)
FAILED = RankedEncoder(
    NO_INTERMEDIATE,
    "xnli",
    "accuracy",
    "b",
    NO_INTERMEDIATE,
    states=frozenset({RunState.COLLAPSED}),
)


def test_every_table_names_the_targets_that_its_mean_ranks_leave_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    complete = [replace(RANKED, target="pawsx", encoder=name, ranking=BEST) for name in "ab"]
    failed = [replace(one, ranking=BEST) for one in (RANKED, FAILED)]
    baseline = [replace(one, ranking=NO_INTERMEDIATE) for one in (*complete, RANKED)]
    baseline.append(replace(RANKED, encoder="b"))
    show_ranking(EncodersCompared((*baseline, *complete, *failed)))
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count("Not in the mean ranks") == 1
    assert "Not in the mean ranks: xnli (b collapsed)." in shown.split("best intermediate")[1]
