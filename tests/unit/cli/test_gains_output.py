"""The tables of gains and scores on terminals of several widths, with and without colours."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from xstilts.analysis.run_states import RunState
from xstilts.cli.output.gains import gain_legend, gain_table, score_table
from xstilts.cli.output.tables import FoldingTable, show_table

RED, GREEN = "\x1b[1;31m", "\x1b[1;32m"
LONG = "squad+commonsenseqa+cosmosqa+ccg"


def printed(table: FoldingTable, width: int = 100, **options: Any) -> str:
    out = io.StringIO()
    show_table(Console(file=out, width=width, **options), table)
    return out.getvalue()


def gain(intermediate: str, value: float, *, significant: bool) -> dict[str, Any]:
    return {
        "encoder": "e", "target": "tydiqa-goldp", "metric": "accuracy",
        "intermediate": intermediate, "main": True, "baseline": 0.5, "score": 0.5 + value,
        "gain": value, "low": value - 0.01,
        "high": value + 0.01, "p_holm": 0.001, "significant": significant, "english": 0.0,
        "languages": "8", "seeds": 3, "states": frozenset(), "in_english": False, "mixed_runs": "",
    }  # fmt: skip


@pytest.fixture
def gains() -> pd.DataFrame:
    return pd.DataFrame(
        [
            gain("mnli", 0.031, significant=True),
            gain(LONG, -0.042, significant=True),
            gain("panx", 0.053, significant=False),
        ]
    )


@pytest.mark.parametrize("width", [60, 80, 120])
def test_gains_show_every_name_and_number_at_any_width(gains: pd.DataFrame, width: int) -> None:
    text = printed(gain_table(gains, gain_legend(gains, "no intermediate task")), width)
    assert max(map(len, text.splitlines())) <= width
    for value in ("tydiqa-goldp", "mnli", LONG, "+3.1", "-4.2", "[+2.1, +4.1]", "50.0", "45.8"):
        assert value in text
    assert text.count("yes") == 2


def test_only_a_significant_gain_is_coloured(gains: pd.DataFrame) -> None:
    text = printed(gain_table(gains), force_terminal=True, color_system="standard")
    assert f"{GREEN}+3.1" in text
    assert f"{RED}-4.2" in text
    assert text.count(GREEN) == text.count(RED) == 1


def test_without_colours_the_table_says_what_is_significant(gains: pd.DataFrame) -> None:
    text = printed(gain_table(gains), force_terminal=True, no_color=True)
    assert "\x1b[1;3" not in text
    line = next(line for line in text.splitlines() if "+3.1" in line)
    assert "yes" in line


def test_the_legend_explains_only_words_of_the_table(gains: pd.DataFrame) -> None:
    assert "too wide" not in gain_legend(gains, "none")
    wide = gains.assign(low=-0.5, high=0.5)
    assert "too wide" in gain_legend(wide, "none")
    assert "one seed:" in gain_legend(gains.assign(seeds=1, significant=False), "none")


@pytest.mark.parametrize("states", [frozenset(), frozenset({RunState.COLLAPSED})])
def test_scores_of_a_collapsed_run_are_marked(states: frozenset[RunState]) -> None:
    columns = ["encoder", "target", "intermediate", "metric", "language", "seed", "value", "states"]
    row = ["e", "xnli", "none", "accuracy", "de", 0, 1 / 3, states]
    text = printed(score_table(pd.DataFrame([row], columns=columns)))
    assert "33.3" in text
    assert ("collapsed" in text) == bool(states)
    assert ("note" in text) == bool(states)


def test_numbers_that_all_scores_share_are_stated_once() -> None:
    columns = ["encoder", "target", "intermediate", "metric", "language", "seed", "value", "states"]
    rows = [
        ["e", target, "none", "accuracy", code, 0, 0.5, frozenset()]
        for target, codes in (("xnli", ("de", "sw")), ("panx", ("de",)))
        for code in codes
    ]
    text = printed(score_table(pd.DataFrame(rows, columns=columns)))
    assert "1 seed each" in text
    assert "seeds" not in text.splitlines()[1]
    assert "languages" in text.splitlines()[1]
