"""Gains: what an intermediate setting adds to a score, run by run, and what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isnan

import pandas as pd

from xstilts.analysis.scan import SAME_DATA, expected
from xstilts.analysis.stats import UNSOUND
from xstilts.config.setting import BASELINE
from xstilts.stages.compile import Cell

COLUMNS = ("setting", "target", "metric", "language", "seed", "score", "baseline", "gain", "key")
RUN = ["target", "language", "seed"]


@dataclass(frozen=True)
class LeftOut:
    """A setting that has no gain on a target, and why, in words."""

    setting: str
    target: str
    why: str


@dataclass(frozen=True)
class Gains:
    """The gains that may be compared, and the others by name.

    Args:
        table: a row per setting, target, language (English included) and seed; see `COLUMNS`.
            `score`, `baseline` and `gain` are of the target's main metric, between 0 and 1;
            `key` is the score's stage.
        left_out: a setting with one unsound run on a target is left out of it as a whole: its
            other seeds would be a choice.
    """

    table: pd.DataFrame
    left_out: tuple[LeftOut, ...] = ()

    def caveats(self) -> tuple[str, ...]:
        """A sentence for each reason, naming the settings and targets that it concerns."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.left_out:
            found.setdefault((one.setting, one.why), []).append(one.target)
        return tuple(
            f"{setting} is left out on {', '.join(targets)}: {why}."
            for (setting, why), targets in found.items()
        )


def gains_of(frame: pd.DataFrame, cells: Iterable[Cell] = ()) -> Gains:
    """The gain of every run with an intermediate setting over the baseline's run like it.

    Args:
        frame: see `analysis.scan.results_frame`; the baseline's rows are among them.
        cells: what the experiment should have: a setting with a score missing is left out.

    Left out are settings with a diverged or collapsed run, with the target's own training data,
    or without a score or a baseline for some run; so are all on a target whose baseline failed.
    """
    paired = _paired(frame)
    why: dict[tuple[str, str], dict[str, None]] = {}
    for place, words in (*_unsound(paired), *_unfinished(paired, cells)):
        why.setdefault(place, {})[words] = None
    places = zip(paired["setting"], paired["target"], strict=True)
    sound = [place not in why for place in places]
    table = paired.loc[sound, list(COLUMNS)].reset_index(drop=True)
    return Gains(table, tuple(LeftOut(*place, ", ".join(words)) for place, words in why.items()))


def _paired(frame: pd.DataFrame) -> pd.DataFrame:
    """The main scores of all settings beside those of the baseline."""
    first = frame.groupby("target", sort=False)["metric"].first()
    main = frame[frame["metric"] == frame["target"].map(first)]
    main = main.rename(columns={"intermediate": "setting", "value": "score"})
    is_baseline = main["setting"] == BASELINE
    base = main.loc[is_baseline, [*RUN, "score", "note"]]
    base = base.rename(columns={"score": "baseline", "note": "baseline_note"})
    paired = main[~is_baseline].merge(base, on=RUN, how="left")
    return paired.assign(
        baseline_note=paired["baseline_note"].fillna(""), gain=paired["score"] - paired["baseline"]
    )


def _unsound(paired: pd.DataFrame) -> Iterator[tuple[tuple[str, str], str]]:
    """(setting, target) and why a run of it has no gain."""
    columns = ["setting", "target", "seed", "score", "gain", "note", "baseline_note"]
    for setting, target, seed, score, gain, note, theirs in zip(
        *(paired[column] for column in columns), strict=True
    ):
        place = setting, target
        events = [word for word in note.split() if word in UNSOUND]
        events += [f"the baseline {word}" for word in theirs.split() if word in UNSOUND]
        yield from ((place, f"{event} (seed {seed})") for event in events)
        if SAME_DATA in note.split():
            yield place, "it holds the target's own training data"
        if not events and isnan(gain):
            yield place, "no score" if isnan(score) else "no baseline"


def _unfinished(
    paired: pd.DataFrame, cells: Iterable[Cell]
) -> Iterator[tuple[tuple[str, str], str]]:
    """(setting, target) of the cells that are not among the results."""
    there: dict[tuple[str, str], set[tuple[str, int]]] = {}
    columns = ["setting", "target", "language", "seed"]
    for setting, target, language, seed in paired[columns].itertuples(index=False):
        there.setdefault((setting, target), set()).add((language, seed))
    for (_, target, setting), wanted in expected(cells).items():
        missing = len(wanted - there.get((setting, target), set()))
        if missing and setting != BASELINE:
            yield (setting, target), f"{missing} of {len(wanted)} scores are missing"
