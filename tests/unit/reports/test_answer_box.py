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
        "mixed_runs": "",
    }


def lines(*rows: dict[str, object]) -> list[str]:
    return answer_lines(pd.DataFrame(rows))


def test_significant_gains_and_losses_come_first_the_largest_first() -> None:
    e, a, c, b, rest = lines(
        row("a", -0.10, significant=True),
        row("b", 0.04, significant=True),
        row("c", 0.06, significant=True),
        row("d", -0.02, half=0.05),
        row("e", -0.20, significant=True),
    )
    assert "xnli gains 6.0 points after c: 50.0 → 56.0" in c
    assert "+5.0 to +7.0" in c
    assert "xnli loses 20.0 points after e" in e
    assert "loses 10.0 points after a" in a
    assert "gains 4.0 points after b" in b
    assert "not distinguishable from zero" in rest
    assert "d 50.0 → 48.0" in rest


def test_an_interval_that_holds_zero_is_no_finding() -> None:
    for gain in (0.01, 0.0, -0.01):
        (line,) = lines(row("a", gain, half=0.03), row("b", gain - 0.01, half=0.03))
        assert "not distinguishable from zero" in line
    (line,) = lines(row("a", 0.01, half=0.03, significant=True))
    assert "not distinguishable from zero" in line


def test_a_gain_that_only_holm_rejects_is_told_from_one_at_zero() -> None:
    corrected, zero = lines(row("a", 0.05), row("b", 0.01, half=0.03))
    assert "Holm" in corrected
    assert "a 50.0 → 55.0" in corrected
    assert "not distinguishable from zero" in zero


def test_seeds_that_differ_too_much_have_words_in_place_of_an_interval() -> None:
    wide = row("a", 0.1, half=0.45, seeds=2)
    (line,) = lines(wide)
    assert "2 seeds cannot say" in line
    assert "to" not in line.split()
    assert readable(pd.DataFrame([wide]))["95 %"].tolist() == ["too wide"]


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


def test_settings_without_a_gain_are_named_with_what_happened() -> None:
    nan = float("nan")
    collapsed = row("a", nan, states=frozenset({RunState.COLLAPSED}))
    diverged = row("b", nan, states=frozenset({RunState.DIVERGED}))
    found, first, second = lines(collapsed, diverged, row("c", 0.2, significant=True))
    assert "after c" in found
    assert "no gain can be computed (collapsed): a." in first
    assert "no gain can be computed (diverged): b." in second


def test_the_undecided_settings_of_a_target_are_folded_to_one_line() -> None:
    undecided = [row(f"s{number}", number / 1000, half=0.03) for number in range(7)]
    diverged = row("x", float("nan"), states=frozenset({RunState.DIVERGED}))
    found, rest = lines(
        *undecided, row("a", 0.1, significant=True), row("b", 0.05), row("c", 0.04), diverged
    )
    assert "after a" in found
    assert rest == (
        "xnli, not significant after Holm's correction: b, c; "
        "not distinguishable from zero: s6, s5 and 5 more; "
        "no gain can be computed (diverged): x. All numbers are in the table of gains."
    )


def test_the_table_of_gains_is_named_once_whatever_the_number_of_targets() -> None:
    many = [row(f"s{number}", 0.01, half=0.03) for number in range(4)]
    first, second = lines(*many, *(one | {"target": "paws-x"} for one in many))
    assert "table" not in first
    assert second.endswith("2 more. All numbers are in the table of gains.")


def test_each_target_has_its_own_line_and_few_settings_keep_their_numbers() -> None:
    many = [row(f"s{number}", 0.01, half=0.03) for number in range(4)]
    few = [row("a", 0.01, half=0.03) | {"target": "paws-x"}]
    first, second = lines(*many, *few)
    assert first.startswith("xnli, not distinguishable from zero: s0, s1 and 2 more.")
    assert second == "paws-x, not distinguishable from zero: a 50.0 → 51.0, +1.0 (-2.0 to +4.0)."
