"""Small multiples: sorted gains on one axis with zero in the middle."""

from __future__ import annotations

from xstilts.languages import language
from xstilts.reports.heat_maps import HeatCell, HeatMap
from xstilts.reports.language_bars import HALF, language_bars

NAN = float("nan")
BASELINE = HeatCell(0.5, NAN, "", 0.0)


def heat_map(**gains: float) -> HeatMap:
    lines = [
        (language(code), (BASELINE, HeatCell(0.5, gain, "up" if gain > 0 else "down", 1.0)))
        for code, gain in gains.items()
    ]
    return HeatMap("xnli", "accuracy", "", ("none", "sick"), tuple(lines), (), {}, 0.2)


def test_bars_are_sorted_and_start_at_zero() -> None:
    (figure,) = language_bars([heat_map(de=0.05, sw=-0.1, ru=0.2, th=NAN)])
    assert (figure.target, figure.setting) == ("xnli", "sick")
    ru, de, sw = figure.bars
    assert (ru.code, ru.gain, ru.side, ru.start, ru.width) == ("ru", "+20.0", "up", 50.0, HALF)
    assert (de.start, de.width) == (50.0, HALF / 4)
    assert (sw.start, sw.width, sw.start + sw.width) == (50.0 - HALF / 2, HALF / 2, 50.0)


def test_one_language_needs_no_figure() -> None:
    assert language_bars([heat_map(de=0.05)]) == []
