"""Results in words and tables: one vocabulary and one format for all studies."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from xstilts.statistics.estimate import Estimate, missing_estimate
from xstilts.studies import render
from xstilts.studies.result import CORRELATION, PERCENT, POINTS, Result, Significance, adjusted

GAIN = Result("gain", "Gain", Estimate(1.94, 0.41, 3.42, 0.012, 9), POINTS, power=1.5)


@pytest.mark.parametrize(
    ("result", "significance"),
    [
        (GAIN, Significance.SIGNIFICANT),
        (replace(GAIN, p_adjusted=0.06), Significance.NOT_SIGNIFICANT),
        (replace(GAIN, estimate=Estimate(1.0, p=0.2)), Significance.NOT_SIGNIFICANT),
        (replace(GAIN, estimate=Estimate(1.0)), Significance.NOT_TESTED),
        (replace(GAIN, estimate=missing_estimate(1, "too few")), Significance.NOT_ENOUGH_DATA),
    ],
)
def test_the_adjusted_p_value_decides_significance(
    result: Result, significance: Significance
) -> None:
    assert result.significance is significance
    assert (str(significance) in render.sentence(result)) == (
        significance is not Significance.NOT_TESTED
    )


def test_a_sentence_has_the_number_the_p_value_and_the_power() -> None:
    assert render.sentence(GAIN) == "Gain: +1.9 points, significant (p = 0.012)."
    corrected = replace(GAIN, p_adjusted=0.06, remark="One seed.")
    assert render.sentence(corrected, interval=True) == (
        "Gain: +1.9 points [+0.4, +3.4], not significant (Holm p = 0.060; 80 % power from "
        "1.5 points). One seed."
    )
    hopeless = replace(corrected, power=math.inf)
    assert "no effect of any size could be significant" in render.sentence(hopeless)
    missing = replace(GAIN, estimate=missing_estimate(1, "too few tasks: 1 of 2"))
    assert render.sentence(missing) == "Gain: not enough data (too few tasks: 1 of 2)."


def test_numbers_have_one_format_for_each_unit() -> None:
    assert render.format_number(-0.04, POINTS) == "+0.0 points"
    assert render.format_number(-0.06, POINTS) == "-0.1 points"
    assert render.format_number(0.618, CORRELATION) == "0.62"
    assert render.format_estimate(Estimate(1.25, 0.5, 2.0), PERCENT) == "1.2 % [0.5, 2.0]"
    assert render.format_estimate(Estimate(1.25), PERCENT) == "1.2 %"
    assert render.format_p(0.0001, "Holm p") == "Holm p < 0.001"


def test_a_family_is_corrected_without_untested_results() -> None:
    untested = replace(GAIN, estimate=Estimate(1.0))
    first, second, third = adjusted([GAIN, untested, replace(GAIN, estimate=Estimate(1, p=0.03))])
    assert first.p_adjusted == pytest.approx(0.024)
    assert third.p_adjusted == pytest.approx(0.03)
    assert (first.q, third.q) == pytest.approx((0.024, 0.03))
    assert math.isnan(second.p_adjusted)


def test_a_table_has_labels_estimate_corrections_and_further_numbers() -> None:
    result = replace(
        GAIN,
        p_adjusted=0.024,
        labels={"target": "xnli"},
        extra={"kendall": Estimate(0.5, 0.1, 0.9, 0.2, note="few")},
        numbers={"seeds": 2.0},
    )
    table = render.results_table("t", "T", [result], value="gain", tested=("kendall",))
    (row,) = table.frame.to_dict("records")
    assert row == pytest.approx(
        {
            "target": "xnli", "gain": 1.94, "low": 0.41, "high": 3.42, "p": 0.012,
            "p_holm": 0.024, "q": math.nan, "n": 9, "kendall": 0.5, "kendall_low": 0.1,
            "kendall_high": 0.9, "kendall_p": 0.2, "seeds": 2.0, "note": "kendall: few",
        },
        nan_ok=True,
    )  # fmt: skip


def test_significant_results_are_listed_by_label() -> None:
    results = [replace(GAIN, labels={"target": name}) for name in ("xnli", "tatoeba")]
    text = render.significant_names(results, "gains", "target")
    assert text == "Significant gains: xnli (+1.9 points) and tatoeba (+1.9 points)."
    assert render.significant_names([], "gains", "target") == "No significant gains."
    assert render.join_names(["a", "b", "c"]) == "a, b and c"
