"""What `xstilts recommend` prints."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from math import isnan
from typing import Any

import pandas as pd

from xstilts.api.recommend import Recommendation
from xstilts.cli.output.tables import console
from xstilts.cli.progress import duration
from xstilts.core.errors import ConfigError
from xstilts.planning.cost import gpu_hours
from xstilts.recommend.backtest import Policy, mean_cost
from xstilts.recommend.predict import FALLBACK
from xstilts.reports.tables import NOTHING, for_terminal, interval, points, table_text

FORMS = ("table", "csv", "json", "md")
WORDS = ("candidate", "evidence", "note")
LEGEND = (
    "Points of 100; mean over the target's languages other than English. "
    "[ ]: 95 % interval, of the gain itself where it was measured on this target, else of the gain "
    "that would be measured. "
    "time, GPU-hours: what is still to do for the candidate beside the baseline, in one process"
)


def check_form(form: str) -> None:
    """Refuse a format that does not exist, before anything is run.

    Raises:
        ConfigError: names those that do.
    """
    if form not in FORMS:
        raise ConfigError(f"no format {form!r}", todo=f"one of {', '.join(FORMS)}")


def show(found: Recommendation, form: str, tflops: float) -> None:
    """The ranking as a table with what must be known of it, or as csv, json or md alone."""
    if form == "json":
        print(json.dumps(as_json(found, tflops), indent=1, ensure_ascii=False))
    elif form != "table":
        sys.stdout.write(table_text(whole_table(found, tflops), form))
    else:
        _print(found, tflops)


def whole_table(found: Recommendation, tflops: float) -> pd.DataFrame:
    """A row per candidate, numbers unrounded, gains between 0 and 1, each measure a column."""
    table = found.table.assign(
        gpu_hours=[gpu_hours(count, tflops) for count in found.table["operations"]]
    )
    means = found.measures.pivot_table(index="task", columns="measure", values="value")
    return table.merge(means, how="left", left_on="candidate", right_index=True)


def as_json(found: Recommendation, tflops: float) -> dict[str, Any]:
    """All of it; null where there is no number."""
    past = [
        {"policy": policy, "points": 100 * cost.value, "low": 100 * cost.low,
         "high": 100 * cost.high, "targets": cost.n, "note": cost.note}
        for policy in Policy
        for cost in [mean_cost(found.past, policy)]
    ]  # fmt: skip
    whole = {
        "encoder": found.encoder,
        "target": found.target,
        "candidates": whole_table(found, tflops).to_dict("records"),
        "baseline_seconds": found.baseline.seconds,
        "baseline_gpu_hours": gpu_hours(found.baseline.operations, tflops),
        "past": past,
    }
    kept: dict[str, Any] = _plain(whole)
    return kept


def _plain(value: Any) -> Any:
    """As JSON has it: NaN is null."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and value != value else value


def _print(found: Recommendation, tflops: float) -> None:
    out = console()
    out.print(f"{found.target} with {found.encoder}", highlight=False)
    caption = f"{LEGEND} ({_clock(found)}); a GPU is assumed to sustain {tflops:g} TFLOP/s."
    shown = _readable(found, tflops)
    out.print(for_terminal(shown, WORDS, caption, [one == "1" for one in shown["#"]]))
    if len(found.measures):
        words = "Cheap measures; docs/guide/recommend.md says what they are."
        out.print(for_terminal(_measures(found), ("candidate",), words))
    for line in sentences(found, tflops):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def _clock(found: Recommendation) -> str:
    return "measured in this store" if found.calibrated else "a first guess for a CPU"


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
    """What the numbers cannot say for themselves."""
    if found.table["gain"].isna().all():
        known = found.table["mean_rank"].notna().any()
        how = f"by mean rank in {', '.join(FALLBACK)}" if known else "as they were named"
        yield (
            "No expected gain can be given: the store has too few gains for one. The candidates "
            f"are listed {how}; what that is worth in points is not known."
        )
    elif found.table["gain"].isna().any():
        yield "Candidates without an expected gain come last, by the measures."
    if found.baseline.stages:
        time = duration(found.baseline.seconds)
        hours = _hours(found.baseline.operations, tflops)
        yield f"The baseline, against which gains are, is needed once: {time}, {hours} GPU-hours."
    yield past_sentence(found)


def past_sentence(found: Recommendation) -> str:
    """What following the advice would have cost on the targets that the store has results of."""
    ours, others, blind = (mean_cost(found.past, policy) for policy in Policy)
    if isnan(ours.value):
        return f"How good such advice has been with this encoder is not known: {ours.note}."
    interval = ours.note if isnan(ours.low) else f"{points(ours.low)}, {points(ours.high)}"
    inside = found.past.loc[found.past["policy"] == Policy.ADVICE, "inside"].mean()
    return (
        f"On the {ours.n} targets of this store, following it would have cost "
        f"{points(ours.value)} points against the best "
        f"[{interval}]; taking the best on the other targets "
        f"{points(others.value)}, choosing at random {points(blind.value)}. "
        f"{100 * inside:.0f} % of the gains lay in the intervals given for them."
    )
