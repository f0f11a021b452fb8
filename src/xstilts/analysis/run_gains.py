"""Gains: what an intermediate setting adds to a score, run by run, and what was left out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import isnan

import pandas as pd

from xstilts.analysis.gains import FAILED
from xstilts.analysis.results import SAME_DATA, expected
from xstilts.config.intermediate import BASELINE
from xstilts.planning.compile import ResultCell

COLUMNS = ("setting", "target", "metric", "language", "seed", "score", "baseline", "gain", "key")
RUN = ["target", "language", "seed"]
ONE_SEED = (
    "There is one seed: no interval and no p here holds what another seed would change, so a run's "
    "luck counts as an effect."
)
HOLDS = "it holds the target's own training data"


@dataclass(frozen=True)
class LeftOut:
    """A setting that has no gain on a target, and why, in words.

    Args:
        failed: whether it should have one: a run of its own diverged, collapsed or is missing.
            Where it holds the target's data, or the baseline failed, nothing was to be had.
    """

    setting: str
    target: str
    why: str
    failed: bool = True


@dataclass(frozen=True)
class Gains:
    """The gains that may be compared, and the others by name.

    Args:
        table: a row per setting, target, language (English included) and seed; see `COLUMNS`.
            `score`, `baseline` and `gain` are of the target's main metric, between 0 and 1;
            `key` is the score's stage.
        left_out: a setting with one unsound run on a target is left out of it as a whole: its
            other seeds would be a choice.
        swept: a sentence for each sweep that one way stands for.
    """

    table: pd.DataFrame
    left_out: tuple[LeftOut, ...] = ()
    swept: tuple[str, ...] = ()

    def among(self, settings: Collection[str], targets: Collection[str] | None = None) -> Gains:
        """Those of some settings, on some targets or all."""

        def kept(setting: str, target: str) -> bool:
            return setting in settings and (targets is None or target in targets)

        places = zip(self.table["setting"], self.table["target"], strict=True)
        table = self.table.loc[[kept(*place) for place in places]]
        left_out = tuple(one for one in self.left_out if kept(one.setting, one.target))
        return Gains(table, left_out, self.swept)

    def caveats(self) -> tuple[str, ...]:
        """One seed, what stands for a sweep, and who is left out where and why."""
        found: dict[tuple[str, str], list[str]] = {}
        for one in self.left_out:
            found.setdefault((one.setting, one.why), []).append(one.target)
        alike: dict[tuple[str, str], list[str]] = {}
        for (setting, why), targets in found.items():
            alike.setdefault((", ".join(targets), why), []).append(setting)
        one_seed = len(self.table) and self.table["seed"].nunique() == 1
        return (
            *((ONE_SEED,) if one_seed else ()),
            *self.swept,
            *(
                f"{', '.join(settings)} {'is' if len(settings) == 1 else 'are'} left out on "
                f"{targets}: {why}."
                for (targets, why), settings in alike.items()
            ),
        )


def gains_of(frame: pd.DataFrame, cells: Iterable[ResultCell] = ()) -> Gains:
    """The gain of every run with an intermediate setting over the baseline's run like it.

    Args:
        frame: see `analysis.scan.results_frame`; the baseline's rows are among them.
        cells: what the experiment should have: a setting with a score missing is left out.

    Left out are settings with a diverged or collapsed run, with the target's own training data,
    or without a score or a baseline for some run; so are all on a target whose baseline failed.
    """
    cells = tuple(cells)
    main = _main(frame)
    paired = _paired(main)
    why: dict[tuple[str, str], dict[str, None]] = {}
    for place, words in (*_unsound(paired), *_unfinished(paired, cells)):
        why.setdefault(place, {})[words] = None
    places = zip(paired["setting"], paired["target"], strict=True)
    sound = [place not in why for place in places]
    table = paired.loc[sound, list(COLUMNS)].reset_index(drop=True)
    groundless = _groundless(main, cells)
    left_out = (
        LeftOut(*place, ", ".join(words), place[1] not in groundless and HOLDS not in words)
        for place, words in why.items()
    )
    return Gains(table, tuple(left_out))


def _main(frame: pd.DataFrame) -> pd.DataFrame:
    """The scores of each target's main metric."""
    first = frame.groupby("target", sort=False)["metric"].first()
    main = frame[frame["metric"] == frame["target"].map(first)]
    return main.rename(columns={"intermediate": "setting", "value": "score"})


def _groundless(main: pd.DataFrame, cells: Iterable[ResultCell]) -> frozenset[str]:
    """The targets whose baseline lacks a score, or has one that counts for nothing."""
    wanted = {(cell.target, cell.language, cell.seed) for cell in cells}
    wanted |= set(main[RUN].itertuples(index=False, name=None))
    base = main[(main["setting"] == BASELINE) & main["score"].notna()]
    sound = base.loc[[not FAILED & set(note.split()) for note in base["note"]]]
    there = set(sound[RUN].itertuples(index=False, name=None))
    return frozenset(target for target, _, _ in wanted - there)


def _paired(main: pd.DataFrame) -> pd.DataFrame:
    """The main scores of all settings beside those of the baseline."""
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
        events = [word for word in note.split() if word in FAILED]
        events += [f"the baseline {word}" for word in theirs.split() if word in FAILED]
        yield from ((place, f"{event} (seed {seed})") for event in events)
        if SAME_DATA in note.split():
            yield place, HOLDS
        if not events and isnan(gain):
            yield place, "no score" if isnan(score) else "no baseline"


def _unfinished(
    paired: pd.DataFrame, cells: Iterable[ResultCell]
) -> Iterator[tuple[tuple[str, str], str]]:
    """(setting, target) of the cells that are not among the results."""
    yield from (((cell.intermediate, cell.target), HOLDS) for cell in cells if cell.same_data)
    there: dict[tuple[str, str], set[tuple[str, int]]] = {}
    columns = ["setting", "target", "language", "seed"]
    for setting, target, language, seed in paired[columns].itertuples(index=False):
        there.setdefault((setting, target), set()).add((language, seed))
    for (_, target, setting), wanted in expected(cells).items():
        missing = len(wanted - there.get((setting, target), set()))
        if missing and setting != BASELINE:
            yield (setting, target), f"{missing} of {len(wanted)} scores are missing"
