"""The gain table and the results as text or files."""

from __future__ import annotations

import io
import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.analysis.run_states import RunState, all_states, states_text, with_notes
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.output_folder import make_output_folder
from xstilts.metrics import METRICS
from xstilts.planning.target_name import TargetName
from xstilts.reports.markdown import escaped_cell

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("md", "latex", "csv", "parquet")
JSON = "json"
SIGNIFICANT = "yes"
ONE_SEED = "one seed"
"""In the column `significant`: not tested."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a text begins that a spreadsheet takes for a formula."""
NUMBER_KINDS = "biufcmM"
"""Kinds of NumPy types whose values are no texts: numbers, truth values and times."""
TOO_WIDE = "too wide"
"""In place of an interval of seeds that differ so much that it covers half of all gains."""
NOTHING = "–"
"""Shown for a missing number."""
MIXED = "mixed"
"""In the note of a row whose column `mixed_runs` says how."""
MEANING = (
    "Points (0–100), means over languages other than English and over seeds. "
    "[ ]: 95 % bootstrap interval over examples and seeds. significant: Holm-corrected p < 0.05"
)
TERMS = {
    ONE_SEED: f"{ONE_SEED}: the interval is over examples only, and significance is not tested",
    TOO_WIDE: f"{TOO_WIDE}: the seeds differ so much that the interval covers half of all possible "
    "gains",
    "same-data": "same-data: the setting includes the target's own training data",
    "partial": "partial: some scores are missing",
    "collapsed": "collapsed: a training gives one answer to all of English dev, so its scores are "
    "not used; more epochs, more data or another learning rate may help",
    "diverged": "diverged: a loss or an output was not finite, so there is no score; a lower "
    "learning rate may help",
    MIXED: f"{MIXED}: the runs of the setting and its baseline were computed in different ways",
}
"""Words of a gain table → what they mean."""

EVALUATION_LEGEND = (
    " N shots: after further training on N examples of each language. translate-test: test sets "
    "translated into the training language. Neither is zero-shot."
)

SCORE_LEGEND = "Points (0–100), means over all languages and seeds that have a score."


def points(value: float, *, signed: bool = False) -> str:
    """A score between 0 and 1 in points (0–100): 41.3, or +2.0 for a gain; – for NaN."""
    if math.isnan(value):
        return NOTHING
    rounded = round(100 * value, 1) + 0.0  # no -0.0
    return f"{rounded:+.1f}" if signed and rounded else f"{rounded:.1f}"


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The gains of the main metrics as a table of texts; see `gain_meaning`.

    Several encoders have a column.
    """
    import pandas as pd

    main = table[table["main"]]
    several = main["encoder"].nunique() > 1
    rows = [
        {
            **({"encoder": row["encoder"]} if several else {}),
            "target": row["target"],
            "metric": row["metric"],
            "intermediate": row["intermediate"],
            "baseline": points(row["baseline"]),
            "score": points(row["score"]),
            "gain": points(row["gain"], signed=True),
            "95 %": TOO_WIDE if is_too_wide(row) else interval(row["low"], row["high"]),
            "p (Holm)": NOTHING if math.isnan(row["p_holm"]) else f"{row['p_holm']:.4f}",
            "significant": significance(row),
            "English": points(row["english"], signed=True),
            "languages": row["languages"],
            "seeds": row["seeds"],
            "note": gain_note(row),
        }
        for _, row in main.iterrows()
    ]
    return pd.DataFrame(rows)


def gain_note(row: pd.Series[Any]) -> str:
    """The note of a row of a gain table, see `run_note`."""
    return run_note(row["states"], row["mixed_runs"])


def run_note(states: Collection[RunState], mixed_runs: str) -> str:
    """The states of runs, and `mixed` if they are, as texts show them."""
    return " ".join(filter(None, (states_text(states), MIXED if mixed_runs else "")))


HIDDEN = ("metric", "p (Holm)", "languages", "seeds")
"""Columns of `readable` that only files and reports have."""


def short_gains(table: pd.DataFrame) -> pd.DataFrame:
    """The gains as texts for terminals and notebooks: without `HIDDEN` columns and empty notes."""
    return without_empty_note(readable(table).drop(columns=list(HIDDEN)))


def without_empty_note(table: pd.DataFrame) -> pd.DataFrame:
    """The table without its column `note` if no row has one."""
    is_empty = "note" in table and not table["note"].any()
    return table.drop(columns="note") if is_empty else table


def gain_meaning(table: pd.DataFrame) -> str:
    """What the words of a gain table mean, of those that it has."""
    shown = readable(table)
    columns = [] if shown.empty else [shown[name] for name in ("95 %", "significant", "note")]
    words = " ".join(map(" ".join, columns))
    used = (text for term, text in TERMS.items() if term in words)
    return f"{'. '.join((MEANING, *used))}."


def mean_scores(results: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """The mean score of each group of results as texts, with its languages, seeds and states."""
    import pandas as pd

    rows = [
        {
            **dict(zip(keys, map(str, key), strict=True)),
            "score": points(float(group["value"].mean(skipna=False))),
            "languages": str(group["language"].nunique()),
            "seeds": str(group["seed"].nunique()),
            "note": states_text(all_states(group["states"])),
        }
        for key, group in results.groupby(keys, sort=False)
    ]
    return pd.DataFrame(rows)


def significance(row: pd.Series[Any]) -> str:
    """`yes`, `no` or `one seed`, of a row of the gain table."""
    if row["significant"]:
        return SIGNIFICANT
    return ONE_SEED if row["seeds"] == 1 else "no"


def is_too_wide(row: pd.Series[Any]) -> bool:
    """Whether the interval of a row of a gain table is too wide, see `covers_half`."""
    return covers_half(row["metric"], row["low"], row["high"])


def covers_half(metric: str, low: float, high: float) -> bool:
    """Whether an interval covers half of the range from the worst score of a metric to the best."""
    return bool(high - low >= (1.0 - METRICS.get(metric).lowest) / 2)


def range_text(metric: str, low: float, high: float, *, signed: bool = True) -> str:
    """+0.4 to +3.9, in points; empty without an interval."""
    if math.isnan(low):
        return ""
    if covers_half(metric, low, high):
        return TOO_WIDE
    return f"{points(low, signed=signed)} to {points(high, signed=signed)}"


def interval(low: float, high: float) -> str:
    """[+0.4, +3.9], in points."""
    if math.isnan(low):
        return ""
    return f"[{points(low, signed=True)}, {points(high, signed=True)}]"


def baseline_text(baseline: str) -> str:
    """The baseline in words: `no intermediate task`, or `the setting mlm`."""
    return "no intermediate task" if baseline == NO_INTERMEDIATE else f"the setting {baseline}"


def english_legend(table: pd.DataFrame) -> str:
    """Which targets of the gain table are evaluated in English alone, if any are."""
    names = list(dict.fromkeys(table.loc[table["in_english"], "target"]))
    return f" In English only, so no zero-shot transfer: {', '.join(names)}." if names else ""


def evaluation_legend(targets: Iterable[str]) -> str:
    """What evaluations beside zero-shot are, if a target has any."""
    zero_shot = (TargetName.parse(target).is_zero_shot for target in targets)
    return "" if all(zero_shot) else EVALUATION_LEGEND


def table_text(frame: pd.DataFrame, form: str) -> str:
    """A frame as csv, json, md or latex.

    Raises:
        ConfigError: an unknown format.
    """
    frame = with_notes(frame)
    if form == "csv":
        return without_formulas(frame).to_csv(index=False)
    if form == JSON:
        return frame.to_json(orient="records", indent=1, force_ascii=False) + "\n"
    if form == "md":
        return _markdown(frame)
    if form == "latex":
        return frame.to_latex(index=False, escape=True, float_format="%.4f")
    raise ConfigError(f"no format {form!r}", todo=f"one of {', '.join((*FORMS, JSON))}")


def without_formulas(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with an apostrophe before texts that a spreadsheet would run as a formula."""
    safe: pd.DataFrame = frame.apply(
        lambda cells: cells.map(_without_formula) if _is_text(cells) else cells
    )
    return safe.rename(columns=_without_formula)


def _is_text(cells: pd.Series[Any]) -> bool:
    return cells.dtype.kind not in NUMBER_KINDS


def _without_formula(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_table(frame: pd.DataFrame, form: str, path: Path) -> None:
    """Write a frame as csv, json, md, latex or parquet.

    Raises:
        ConfigError: an unknown format.
        StoreError: the file cannot be written.
    """
    if form == "parquet":
        buffer = io.BytesIO()
        with_notes(frame).to_parquet(buffer, index=False)
        write_output(path, buffer.getvalue())
    else:
        write_output(path, table_text(frame, form).encode())


def write_output(path: Path, data: bytes) -> None:
    """Write the file that a user asked for; see `make_output_folder`.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        make_output_folder(path.parent)
    except OSError as error:
        raise _unwritable(path, error) from error
    write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write an output file, and create its folders.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"cannot write {path}: {error.strerror}", todo="give another file with --out")


def _markdown(frame: pd.DataFrame) -> str:
    rows = [list(map(str, frame.columns)), ["---"] * len(frame.columns)]
    rows += [["" if value is None else str(value) for value in row] for row in frame.to_numpy()]
    return "".join(f"| {' | '.join(map(escaped_cell, row))} |\n" for row in rows)
