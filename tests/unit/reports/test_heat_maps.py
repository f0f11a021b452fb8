"""Means of heat maps: over languages other than English, by script and by family."""

from __future__ import annotations

import pytest

from xstilts.languages import language
from xstilts.reports.heat_maps import HeatCell, _groups, _mean

NAN = float("nan")
LINES = [
    (language("de"), (HeatCell(0.5, NAN, "", 0.0), HeatCell(0.6, 0.1, "up", 1.0))),
    (language("sw"), (HeatCell(0.3, NAN, "", 0.0), HeatCell(NAN, NAN, "", 0.0))),
    (language("ru"), (HeatCell(0.1, NAN, "", 0.0), HeatCell(0.0, -0.1, "down", 1.0))),
]


def test_a_mean_is_over_the_languages_that_have_a_score() -> None:
    mean = _mean("mean", LINES, 0.1)
    assert mean.languages == ("de", "sw", "ru")
    baseline, setting = mean.cells
    assert baseline.value == pytest.approx(0.3)
    assert setting.value == pytest.approx(0.3)
    assert setting.gain == pytest.approx(0.0)
    assert (baseline.note, setting.note) == ("", "2 of 3 languages")


def test_a_gain_over_fewer_languages_than_its_score_says_so() -> None:
    cells = HeatCell(0.5, NAN, "", 0.0), HeatCell(0.6, 0.1, "up", 1.0)
    lines = [(language(code), (cell,)) for code, cell in zip(("de", "sw"), cells, strict=True)]
    assert _mean("mean", lines, 0.1).cells[0].note == "gain: 1 of 2 languages"
    without = [(language(code), (HeatCell(0.5, NAN, "", 0.0),)) for code in ("de", "sw")]
    assert _mean("mean", without, 0.1).cells[0].note == ""


def test_groups_are_scripts_and_families_the_largest_first() -> None:
    scripts = _groups(LINES, "script", 0.2)
    assert [(one.name, one.languages) for one in scripts] == [
        ("Latin", ("de", "sw")),
        ("Cyrillic", ("ru",)),
    ]
    assert scripts[0].cells[1].gain == pytest.approx(0.1)
    assert (scripts[0].cells[1].side, scripts[0].cells[1].strength) == ("up", 0.5)
    families = _groups(LINES, "family", 0.2)
    assert families[0].languages == ("de", "ru")
