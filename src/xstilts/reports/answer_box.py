"""The answer box of the report: each target's largest gain and its significant gains and losses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from xstilts.analysis.run_states import RunState
from xstilts.reports.tables import points


def answer_lines(main: pd.DataFrame) -> list[str]:
    """Sentences on all targets.

    Args:
        main: the rows of the gain table of the targets' main metrics.
    """
    return [line for _, rows in main.groupby("target", sort=False) for line in _of_target(rows)]


def _of_target(rows: pd.DataFrame) -> Iterator[str]:
    """The largest gain, then the other significant gains, then the significant losses."""
    rows = rows[rows["gain"].notna()].sort_values("gain", ascending=False, kind="stable")
    if rows.empty:
        return
    best, target = rows.iloc[0], rows["target"].iloc[0]
    yield f"{target}: {_best(best)}"
    others = [row for _, row in rows.iloc[1:].iterrows() if is_significant(row)]
    for words, sign in (("also significantly better", 1), ("significantly worse", -1)):
        named = [f"{row['intermediate']}: {numbers(row)}" for row in others if _sign(row) == sign]
        if named:
            yield f"{target}: {words} than the baseline: {'; '.join(named)}."


def _best(row: pd.Series[Any]) -> str:
    """The largest gain, without a claim that its interval does not support."""
    result = f"{row['intermediate']}: {numbers(row)}"
    if RunState.PARTIAL in row["states"]:
        return f"some scores are missing; best setting so far: {result}."
    if row["seeds"] == 1:
        return f"best setting: {result}; one seed, significance is not tested."
    if not is_significant(row):
        return f"no significant gain; best setting: {result}, not significant."
    if row["gain"] < 0:
        return f"no gain above zero; smallest loss: {result}, significant (Holm p < 0.05)."
    return f"best with {result}, significant (Holm p < 0.05)."


def is_significant(row: pd.Series[Any]) -> bool:
    """Whether a gain is significant and its interval does not contain zero."""
    return bool(row["significant"]) and not row["low"] <= 0 <= row["high"]


def numbers(row: pd.Series[Any]) -> str:
    """`62.0 → 64.0, +2.0 (+0.4 to +3.9)`, in points."""
    gain = points(row["gain"], signed=True)
    interval = f"{points(row['low'], signed=True)} to {points(row['high'], signed=True)}"
    return f"{points(row['baseline'])} → {points(row['score'])}, {gain} ({interval})"


def _sign(row: pd.Series[Any]) -> int:
    return 1 if row["gain"] > 0 else -1
