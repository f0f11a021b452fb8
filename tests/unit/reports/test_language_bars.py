"""Small multiples: sorted gains with intervals on one axis with zero in the middle."""

from __future__ import annotations

from dataclasses import replace

from xstilts.analysis.language_intervals import LanguageInterval
from xstilts.languages import language
from xstilts.reports.heat_maps import HeatCell, HeatMap
from xstilts.reports.language_bars import HALF, language_bars
from xstilts.reports.language_ranges import language_ranges, range_title

NAN = float("nan")
BASELINE = HeatCell(0.5, NAN, "", 0.0)


def heat_map(**gains: float) -> HeatMap:
    lines = [
        (language(code), (BASELINE, HeatCell(0.5, gain, "up" if gain > 0 else "down", 1.0)))
        for code, gain in gains.items()
    ]
    return HeatMap("xnli", "accuracy", "", ("none", "sick"), tuple(lines), (), {}, 0.2)


def with_interval(low: float, high: float, **gains: float) -> HeatMap:
    """The same with an interval of the last language's gain."""
    plain = heat_map(**gains)
    spoken, (before, after) = plain.rows[-1]
    one = LanguageInterval("e", "xnli", spoken.code, "sick", 0.4, 0.6, low, high, 100, 3)
    return replace(plain, rows=(*plain.rows[:-1], (spoken, (before, replace(after, interval=one)))))


def test_bars_are_sorted_and_start_at_zero() -> None:
    (figure,) = language_bars([heat_map(de=0.05, sw=-0.1, ru=0.2, th=NAN)])
    assert (figure.target, figure.setting) == ("xnli", "sick")
    ru, de, sw = figure.bars
    assert (ru.code, ru.gain, ru.side, ru.start, ru.width) == ("ru", "+20.0", "up", 50.0, HALF)
    assert (de.start, de.width) == (50.0, HALF / 4)
    assert (sw.start, sw.width, sw.start + sw.width) == (50.0 - HALF / 2, HALF / 2, 50.0)


def test_one_language_needs_no_figure() -> None:
    assert language_bars([heat_map(de=0.05)]) == []


def test_the_axis_holds_the_intervals() -> None:
    (figure,) = language_bars([with_interval(-0.15, 0.3, de=0.15, sw=0.1)])
    de, sw = figure.bars
    assert (de.width, de.low, de.interval) == (HALF / 2, None, "")
    assert (sw.low, sw.high) == (50.0 - HALF / 2, 50.0 + HALF)
    assert sw.title == "Swahili: +10.0 points, 95 % interval -15.0 to +30.0"


def test_an_interval_that_says_nothing_is_not_drawn() -> None:
    (figure,) = language_bars([with_interval(-0.4, 0.5, de=0.2, sw=0.1)])
    de, sw = figure.bars
    assert de.width == HALF
    assert (sw.low, sw.interval) == (None, "too wide")


def test_intervals_are_rows_of_a_table_and_tooltips() -> None:
    plain = with_interval(-0.1, 0.3, de=0.2, sw=0.1)
    (row,) = language_ranges(plain)
    assert (row.code, row.setting, row.score, row.gain) == ("sw", "sick", "50.0", "+10.0")
    assert (row.score_range, row.gain_range) == ("40.0 to 60.0", "-10.0 to +30.0")
    assert (row.examples, row.seeds) == (100, 3)
    last = plain.rows[-1][1][1]
    assert range_title(last, "accuracy") == "95 % interval 40.0 to 60.0; of the gain -10.0 to +30.0"
    assert range_title(BASELINE, "accuracy") == ""
