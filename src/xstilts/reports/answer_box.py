"""The answers of a gain table in sentences: significant gains and losses first, then the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from xstilts.analysis.run_states import RunState, states_text
from xstilts.reports.tables import is_too_wide, points


def answer_lines(main: pd.DataFrame) -> list[str]:
    """Sentences on all targets: each significant gain or loss, the largest first, then the others.

    Args:
        main: the rows of the gain table of the targets' main metrics.
    """
    known = main[main["gain"].notna()]
    significant = [is_significant(row) for _, row in known.iterrows()]
    found = known[pd.Series(significant, index=known.index, dtype=bool)]
    order = found["gain"].abs().sort_values(ascending=False, kind="stable").index
    lines = [finding(row) for _, row in found.loc[order].iterrows()]
    others = main.drop(found.index)
    for _, rows in others.groupby("target", sort=False):
        lines += [
            *_undecided(rows[rows["gain"].notna()]),
            *_without_gain(rows[rows["gain"].isna()]),
        ]
    return lines


def finding(row: pd.Series[Any]) -> str:
    """A significant gain or loss as a sentence."""
    change = "gains" if row["gain"] > 0 else "loses"
    return (
        f"{row['target']} {change} {points(abs(row['gain']))} points after {row['intermediate']}: "
        f"{points(row['baseline'])} → {points(row['score'])}, 95 % interval {_interval(row)}, "
        f"{row['seeds']} seeds, significant (Holm p {_p(row['p_holm'])})."
    )


def _undecided(rows: pd.DataFrame) -> Iterator[str]:
    """The gains of a target that are not significant, by the reason for it."""
    rows = rows.assign(size=rows["gain"].abs()).sort_values("size", ascending=False, kind="stable")
    groups: dict[str, list[str]] = {}
    for _, row in rows.iterrows():
        groups.setdefault(_reason(row), []).append(f"{row['intermediate']} {numbers(row)}")
    for reason, named in groups.items():
        yield f"{rows['target'].iloc[0]}, {reason}: {'; '.join(named)}."


def _without_gain(rows: pd.DataFrame) -> Iterator[str]:
    """The settings of a target that no run has a gain of, by what is known of their runs."""
    for states, group in rows.groupby(rows["states"].map(states_text), sort=False):
        yield (
            f"{rows['target'].iloc[0]}, no gain can be computed ({states or 'no scores'}): "
            f"{'; '.join(group['intermediate'])}."
        )


def _reason(row: pd.Series[Any]) -> str:
    """Why a gain is no finding."""
    if RunState.PARTIAL in row["states"]:
        return "some scores are missing"
    if row["seeds"] == 1:
        return "one seed, so significance is not tested"
    if is_too_wide(row):
        return f"{row['seeds']} seeds cannot say"
    if row["low"] <= 0 <= row["high"]:
        return "not distinguishable from zero"
    return "not significant after Holm's correction"


def is_significant(row: pd.Series[Any]) -> bool:
    """Whether a gain is significant and its interval does not contain zero."""
    return bool(row["significant"]) and not row["low"] <= 0 <= row["high"]


def numbers(row: pd.Series[Any]) -> str:
    """`62.0 → 64.0, +2.0 (+0.4 to +3.9)`, in points; without an interval that says nothing."""
    gain = f"{points(row['baseline'])} → {points(row['score'])}, {points(row['gain'], signed=True)}"
    return gain if is_too_wide(row) else f"{gain} ({_interval(row)})"


def _interval(row: pd.Series[Any]) -> str:
    return f"{points(row['low'], signed=True)} to {points(row['high'], signed=True)}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"= {value:.3f}"
