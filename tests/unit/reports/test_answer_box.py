"""The answer box names what is significant, and no more."""

from __future__ import annotations

import pandas as pd

from xstilts.analysis.run_states import NO_STATES, RunState, States
from xstilts.reports.answer_box import answer_lines
from xstilts.reports.tables import readable


def row(
    setting: str,
    gain: float,
    *,
    half: float = 0.01,
    significant: bool = False,
    seeds: int = 3,
    states: States = NO_STATES,
) -> dict[str, object]:
    return {
        "encoder": "e",
        "target": "xnli",
        "metric": "accuracy",
        "intermediate": setting,
        "main": True,
        "baseline": 0.5,
        "score": 0.5 + gain,
        "gain": gain,
        "english": float("nan"),
        "low": gain - half,
        "high": gain + half,
        "significant": significant,
        "p_holm": 0.01 if significant else 0.9,
        "languages": 2,
        "seeds": seeds,
        "states": states,
    }


def lines(*rows: dict[str, object]) -> list[str]:
    return answer_lines(pd.DataFrame(rows))


def test_significant_gains_and_losses_are_all_named() -> None:
    best, better, worse = lines(
        row("a", -0.10, significant=True),
        row("b", 0.04, significant=True),
        row("c", 0.06, significant=True),
        row("d", -0.02, half=0.05),
        row("e", -0.20, significant=True),
    )
    assert "best with c: 50.0 → 56.0, +6.0 (+5.0 to +7.0), significant" in best
    assert "better" in better
    assert "b: 50.0 → 54.0" in better
    assert "worse" in worse
    assert worse.index("a: 50.0 → 40.0") < worse.index("e: 50.0 → 30.0")
    assert not any("d: " in line for line in (best, better, worse))


def test_an_interval_that_holds_zero_is_no_fact() -> None:
    for gain in (0.01, 0.0, -0.01):
        (line,) = lines(row("a", gain, half=0.03), row("b", gain - 0.01, half=0.03))
        assert "no significant gain" in line
        assert "not significant" in line
        assert "best with" not in line
    (line,) = lines(row("a", 0.01, half=0.03, significant=True))
    assert "not significant" in line


def test_losses_alone_are_no_gain() -> None:
    first, second = lines(row("a", -0.1, significant=True), row("b", -0.2, significant=True))
    assert "no gain above zero" in first
    assert "a: " in first
    assert "significant" in first
    assert "worse" in second
    assert "b: " in second


def test_one_seed_is_named_and_nothing_is_called_significant() -> None:
    (line,) = lines(row("a", 0.3, seeds=1), row("b", -0.3, seeds=1))
    assert "one seed" in line
    assert "not tested" in line
    table = pd.DataFrame([row("a", 0.3, seeds=1), row("b", 0.3, significant=True), row("c", 0.0)])
    assert readable(table)["significant"].tolist() == ["one seed", "yes", "no"]


def test_missing_scores_are_named() -> None:
    (line,) = lines(row("a", 0.3, states=frozenset({RunState.PARTIAL})))
    assert "missing" in line
    assert "significant" not in line
