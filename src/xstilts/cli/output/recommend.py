"""Output of `xstilts recommend`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import isnan
from typing import Any

import pandas as pd

from xstilts.api.recommend import Recommendation
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import framed, name, number, show_table, text
from xstilts.cli.output.units import gpu_hours_text
from xstilts.core.errors import ConfigError
from xstilts.core.units import duration
from xstilts.planning.cost import gpu_hours
from xstilts.recommend.backtest import Policy, mean_cost
from xstilts.recommend.predict_gains import FALLBACK
from xstilts.reports.tables import NOTHING, interval, points, table_text, without_empty_note

FORMS = ("table", "csv", "json", "md")
COLUMNS = {
    "#": number("#"),
    "candidate": name("candidate"),
    "expected gain": number("expected gain"),
    "95 %": number("95 %", 1),
    "evidence": text("evidence", 2),
    "time": number("time", 3),
    "GPU-hours": number("GPU-hours", 4),
    "note": text("note", 5),
}
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


def show_recommendation(result: Recommendation, form: str, tflops: float) -> None:
    """The ranking as a table with notes, or as csv, json or md only."""
    if form == "json":
        print_json(as_json(result, tflops))
    elif form != "table":
        sys.stdout.write(table_text(full_table(result, tflops), form))
    else:
        _print(result, tflops)


def full_table(result: Recommendation, tflops: float) -> pd.DataFrame:
    """A row per candidate: unrounded numbers, gains between 0 and 1, a column per measure."""
    table = result.table.assign(
        gpu_hours=[gpu_hours(count, tflops) for count in result.table["operations"]]
    )
    means = result.measures.pivot_table(index="task", columns="measure", values="value")
    return table.merge(means, how="left", left_on="candidate", right_index=True)


def as_json(result: Recommendation, tflops: float) -> dict[str, Any]:
    """All facts of a recommendation; NaN for missing numbers."""
    past = [
        {"policy": policy, "points": 100 * cost.value, "low": 100 * cost.low,
         "high": 100 * cost.high, "targets": cost.n, "note": cost.note}
        for policy in Policy
        for cost in [mean_cost(result.past, policy)]
    ]  # fmt: skip
    return {
        "encoder": result.encoder,
        "target": result.target,
        "candidates": full_table(result, tflops).to_dict("records"),
        "baseline_seconds": result.baseline.seconds,
        "baseline_gpu_hours": gpu_hours(result.baseline.operations, tflops),
        "past": past,
        "notes": list(result.notes),
    }


def _print(result: Recommendation, tflops: float) -> None:
    out = console()
    print_line(out, f"{result.target} with {result.encoder}")
    caption = f"{LEGEND} ({_clock(result)}); assumed GPU speed: {tflops:g} TFLOP/s."
    shown = _readable(result, tflops)
    styles = ["bold" if rank == "1" else "" for rank in shown["#"]]
    show_table(out, framed(shown, COLUMNS, caption, styles))
    if len(result.measures):
        caption = "Low-cost task measures, see docs/guide/recommend.md."
        show_table(out, framed(_measures(result), COLUMNS, caption))
    for line in sentences(result, tflops):
        print_text(out, line)


def _clock(result: Recommendation) -> str:
    return "measured in this store" if result.calibrated else "rough estimate for a CPU"


def _readable(result: Recommendation, tflops: float) -> pd.DataFrame:
    rows = [
        {
            "#": str(row["rank"]),
            "candidate": row["candidate"],
            "expected gain": points(row["gain"], signed=True),
            "95 %": interval(row["low"], row["high"]) or NOTHING,
            "evidence": row["basis"],
            "time": duration(row["seconds"]) if row["seconds"] else "done",
            "GPU-hours": gpu_hours_text(row["operations"], tflops),
            "note": row["note"],
        }
        for row in result.table.to_dict("records")
    ]
    table = pd.DataFrame(rows)
    return without_empty_note(table)


def _measures(result: Recommendation) -> pd.DataFrame:
    means = result.measures.groupby(["task", "measure"], sort=False)["value"].mean()
    table = means.unstack("measure").reindex(result.table["candidate"])
    texts = table.map(lambda value: NOTHING if value != value else f"{value:.4g}")
    return texts.reset_index(names="candidate")


def sentences(result: Recommendation, tflops: float) -> Iterator[str]:
    """Notes below the table."""
    if result.table["gain"].isna().all():
        known = result.table["mean_rank"].notna().any()
        how = f"by mean rank in {', '.join(FALLBACK)}" if known else "in the given order"
        yield (
            "No expected gains: the store has too few gains to predict them. Candidates are "
            f"listed {how}."
        )
    elif result.table["gain"].isna().any():
        yield "Candidates without an expected gain come last, ranked by the measures."
    if result.baseline.stages:
        time = duration(result.baseline.seconds)
        hours = gpu_hours_text(result.baseline.operations, tflops)
        yield f"The baseline must be trained once: {time}, {hours} GPU-hours."
    yield past_sentence(result)
    yield from result.notes


def past_sentence(result: Recommendation) -> str:
    """Mean cost of such recommendations on the targets that the store has results for."""
    own, others, blind = (mean_cost(result.past, policy) for policy in Policy)
    if isnan(own.value):
        return f"No backtest of recommendations with this encoder: {own.note}."
    interval = own.note if isnan(own.low) else f"{points(own.low)}, {points(own.high)}"
    inside = result.past.loc[result.past["policy"] == Policy.ADVICE, "inside"].mean()
    return (
        f"Backtest on {own.n} targets of this store, mean loss against the best candidate: "
        f"{points(own.value)} points [{interval}] when following the recommendation, "
        f"{points(others.value)} with the best task of the other targets, "
        f"{points(blind.value)} with a random choice. "
        f"{100 * inside:.0f} % of the gains lay within their predicted intervals."
    )
