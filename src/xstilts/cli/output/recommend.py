"""Output of `xstilts recommend`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import isnan
from typing import Any

import pandas as pd

from xstilts.api.recommend import Recommendation
from xstilts.cli.output.console import console
from xstilts.cli.progress import duration
from xstilts.core.errors import ConfigError
from xstilts.planning.cost import gpu_hours
from xstilts.recommend.backtest import Policy, mean_cost
from xstilts.recommend.predict_gains import FALLBACK
from xstilts.reports.tables import NOTHING, for_terminal, interval, points, table_text

FORMS = ("table", "csv", "json", "md")
TEXT_COLUMNS = ("candidate", "evidence", "note")
LEGEND = (
    "Points (0–100), means over the target's languages other than English. "
    "[ ]: 95 % interval of the gain if it was measured on this target, else prediction interval. "
    "time, GPU-hours: remaining cost of the candidate without the baseline, in one process"
)


def check_form(form: str) -> None:
    """Reject an unknown format before anything is run.

    Raises:
        ConfigError: an unknown format.
    """
    if form not in FORMS:
        raise ConfigError(f"no format {form!r}", todo=f"one of {', '.join(FORMS)}")


def show_recommendation(found: Recommendation, form: str, tflops: float) -> None:
    """The ranking as a table with notes, or as csv, json or md only."""
    if form == "json":
        print(json.dumps(as_json(found, tflops), indent=1, ensure_ascii=False))
    elif form != "table":
        sys.stdout.write(table_text(full_table(found, tflops), form))
    else:
        _print(found, tflops)


def full_table(found: Recommendation, tflops: float) -> pd.DataFrame:
    """A row per candidate: unrounded numbers, gains between 0 and 1, a column per measure."""
    table = found.table.assign(
        gpu_hours=[gpu_hours(count, tflops) for count in found.table["operations"]]
    )
    means = found.measures.pivot_table(index="task", columns="measure", values="value")
    return table.merge(means, how="left", left_on="candidate", right_index=True)


def as_json(found: Recommendation, tflops: float) -> dict[str, Any]:
    """All facts of a recommendation; null for missing numbers."""
    past = [
        {"policy": policy, "points": 100 * cost.value, "low": 100 * cost.low,
         "high": 100 * cost.high, "targets": cost.n, "note": cost.note}
        for policy in Policy
        for cost in [mean_cost(found.past, policy)]
    ]  # fmt: skip
    tree = {
        "encoder": found.encoder,
        "target": found.target,
        "candidates": full_table(found, tflops).to_dict("records"),
        "baseline_seconds": found.baseline.seconds,
        "baseline_gpu_hours": gpu_hours(found.baseline.operations, tflops),
        "past": past,
    }
    plain: dict[str, Any] = _plain(tree)
    return plain


def _plain(value: Any) -> Any:
    """A JSON value with NaN replaced by null."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and value != value else value


def _print(found: Recommendation, tflops: float) -> None:
    out = console()
    out.print(f"{found.target} with {found.encoder}", highlight=False)
    caption = f"{LEGEND} ({_clock(found)}); assumed GPU speed: {tflops:g} TFLOP/s."
    shown = _readable(found, tflops)
    out.print(for_terminal(shown, TEXT_COLUMNS, caption, [rank == "1" for rank in shown["#"]]))
    if len(found.measures):
        caption = "Low-cost task measures, see docs/guide/recommend.md."
        out.print(for_terminal(_measures(found), ("candidate",), caption))
    for line in sentences(found, tflops):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _clock(found: Recommendation) -> str:
    return "measured in this store" if found.calibrated else "rough estimate for a CPU"


def _readable(found: Recommendation, tflops: float) -> pd.DataFrame:
    rows = [
        {
            "#": str(row["rank"]),
            "candidate": row["candidate"],
            "expected gain": points(row["gain"], signed=True),
            "95 %": interval(row["low"], row["high"]) or NOTHING,
            "evidence": row["basis"],
            "time": duration(row["seconds"]) if row["seconds"] else "done",
            "GPU-hours": _hours(row["operations"], tflops),
            "note": row["note"],
        }
        for row in found.table.to_dict("records")
    ]
    table = pd.DataFrame(rows)
    return table if table["note"].any() else table.drop(columns="note")


def _hours(operations: float, tflops: float) -> str:
    hours = gpu_hours(operations, tflops)
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.1g}"


def _measures(found: Recommendation) -> pd.DataFrame:
    means = found.measures.groupby(["task", "measure"], sort=False)["value"].mean()
    table = means.unstack("measure").reindex(found.table["candidate"])
    texts = table.map(lambda value: NOTHING if value != value else f"{value:.4g}")
    return texts.reset_index(names="candidate")


def sentences(found: Recommendation, tflops: float) -> Iterator[str]:
    """Notes below the table."""
    if found.table["gain"].isna().all():
        known = found.table["mean_rank"].notna().any()
        how = f"by mean rank in {', '.join(FALLBACK)}" if known else "in the given order"
        yield (
            "No expected gains: the store has too few gains to predict them. Candidates are "
            f"listed {how}."
        )
    elif found.table["gain"].isna().any():
        yield "Candidates without an expected gain come last, ranked by the measures."
    if found.baseline.stages:
        time = duration(found.baseline.seconds)
        hours = _hours(found.baseline.operations, tflops)
        yield f"The baseline must be trained once: {time}, {hours} GPU-hours."
    yield past_sentence(found)


def past_sentence(found: Recommendation) -> str:
    """Mean cost of such recommendations on the targets that the store has results for."""
    own, others, blind = (mean_cost(found.past, policy) for policy in Policy)
    if isnan(own.value):
        return f"No backtest of recommendations with this encoder: {own.note}."
    interval = own.note if isnan(own.low) else f"{points(own.low)}, {points(own.high)}"
    inside = found.past.loc[found.past["policy"] == Policy.ADVICE, "inside"].mean()
    return (
        f"Backtest on {own.n} targets of this store, mean loss against the best candidate: "
        f"{points(own.value)} points [{interval}] when following the recommendation, "
        f"{points(others.value)} with the best task of the other targets, "
        f"{points(blind.value)} with a random choice. "
        f"{100 * inside:.0f} % of the gains lay within their predicted intervals."
    )
