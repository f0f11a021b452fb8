"""The answers of a gain table in sentences: significant gains and losses first, then the rest.

The rest of a target with many settings is one line of names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from xstilts.analysis.run_states import RunState, states_text
from xstilts.reports.tables import is_too_wide, points

LISTED = 3
"""Undecided settings of a target that are listed with their numbers, at most."""
NAMED = 2
"""Settings that a line names for each reason, where there are more."""


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
    last_folded = None
    for target, rows in others.groupby("target", sort=False):
        groups = _by_reason(rows)
        if len(rows) > LISTED:
            last_folded = len(lines)
            lines.append(_folded(str(target), groups))
        else:
            lines += _listed(str(target), groups)
    if last_folded is not None:
        lines[last_folded] += " All numbers are in the table of gains."
    return lines


def finding(row: pd.Series[Any]) -> str:
    """A significant gain or loss as a sentence."""
    change = "gains" if row["gain"] > 0 else "loses"
    return (
        f"{row['target']} {change} {points(abs(row['gain']))} points after {row['intermediate']}: "
        f"{points(row['baseline'])} → {points(row['score'])}, 95 % interval {_interval(row)}, "
        f"{row['seeds']} seeds, significant (Holm p {_p(row['p_holm'])})."
    )


Groups = Mapping[str, Sequence["pd.Series[Any]"]]
"""Why settings are no finding → their rows of the gain table."""


def _by_reason(rows: pd.DataFrame) -> Groups:
    """The settings of a target that are no finding, the largest gain first, those without last."""
    rows = rows.assign(size=rows["gain"].abs()).sort_values("size", ascending=False, kind="stable")
    groups: dict[str, list[pd.Series[Any]]] = {}
    for _, row in rows.iterrows():
        groups.setdefault(_reason(row), []).append(row)
    return groups


def _listed(target: str, groups: Groups) -> Iterator[str]:
    """A line for each reason, with the numbers of its settings."""
    for reason, rows in groups.items():
        named = [
            row["intermediate"] + ("" if isnan(row["gain"]) else f" {numbers(row)}") for row in rows
        ]
        yield f"{target}, {reason}: {'; '.join(named)}."


def _folded(target: str, groups: Groups) -> str:
    """One line with the first settings for each reason."""
    parts = [
        f"{reason}: {_some([row['intermediate'] for row in rows])}"
        for reason, rows in groups.items()
    ]
    return f"{target}, {'; '.join(parts)}."


def _some(names: Sequence[str]) -> str:
    """`a, b and 3 more`; a single further one is named."""
    if len(names) <= NAMED + 1:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _reason(row: pd.Series[Any]) -> str:
    """Why a gain is no finding, or what is known of the runs where there is none."""
    if isnan(row["gain"]):
        return f"no gain can be computed ({states_text(row['states']) or 'no scores'})"
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
