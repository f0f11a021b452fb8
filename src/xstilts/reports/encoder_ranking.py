"""The ranking of encoders as tables and sentences for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from xstilts.analysis.encoder_ranking import RankedEncoder
from xstilts.analysis.encoders_compared import EncodersCompared
from xstilts.analysis.mixed_runs import BEST, caveats_of, restricted
from xstilts.analysis.run_states import FAILED, RunState, states_text
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.planning.encoder_experiments import short_names
from xstilts.reports.sections import Section
from xstilts.reports.tables import NOTHING, interval, points, run_note, without_empty_note
from xstilts.statistics.estimate import LEVEL

MEAN_RANK = "mean rank"
NOT_IN_MEAN_RANKS = "Not in the mean ranks"
RANKING_LEGEND = (
    "Points (0–100, -100 to 100 for correlations), means over seeds and the languages other than "
    "English that all encoders have. difference: from the best encoder, with its 95 % bootstrap "
    "interval over the same examples and over seeds. Encoders share a rank "
    "(the mean of the tied ranks) unless p < 0.05, with "
    "Holm's correction for all pairs and targets. Mean ranks are over the targets on which every "
    "encoder has a rank."
)
ONE_SEED_RANKS = "Ranks of one seed: the order of the scores; no difference is tested."
PARTIAL_RANKS = "Partial"
OF_ONE_RANKING = NOT_IN_MEAN_RANKS, PARTIAL_RANKS
"""How notes begin that are below their own table."""
UNRANKED = FAILED | {RunState.PARTIAL}
"""States for which an encoder has no rank on a target."""
TITLES = {
    NO_INTERMEDIATE: "Encoders compared, without intermediate training",
    BEST: "Encoders compared, each with its best intermediate setting",
}


def ranking_sections(compared: EncodersCompared, *, every: bool = False) -> list[Section]:
    """A table for the baseline and one for the best settings; the first has the notes.

    Args:
        every: a table for every intermediate setting; also without a baseline.
    """
    by_ranking: dict[str, list[RankedEncoder]] = {}
    for row in compared.rows:
        by_ranking.setdefault(row.ranking, []).append(row)
    every |= compared.baseline not in by_ranking
    usual = {compared.baseline, BEST}
    shown = {name: rows for name, rows in by_ranking.items() if every or name in usual}
    one_seed = any(
        not (math.isnan(row.rank) or row.tested or row.partial)
        for rows in shown.values()
        for row in rows
    )
    mixed = restricted(compared.mixed, lambda _encoder, ranking, _target: ranking in shown)
    notes = (
        RANKING_LEGEND,
        *((ONE_SEED_RANKS,) if one_seed else ()),
        *compared.notes,
        *caveats_of(mixed),
    )
    return [
        _section(ranking, rows, () if index else notes)
        for index, (ranking, rows) in enumerate(shown.items())
    ]


def _section(ranking: str, rows: Sequence[RankedEncoder], notes: Sequence[str]) -> Section:
    shown = short_names(dict.fromkeys(row.encoder for row in rows))
    frame = pd.DataFrame([*(_line(row, shown) for row in rows), *_mean_ranks(rows, shown)])
    if ranking != BEST:
        frame = frame.drop(columns="intermediate")
    frame = without_empty_note(frame)
    title = TITLES.get(ranking, f"Encoders compared, after {ranking}")
    name = "encoders" if ranking == NO_INTERMEDIATE else f"encoders-{ranking.replace(' ', '-')}"
    return Section(name, title, frame, (*notes, *_own_notes(rows, shown)))


def _line(row: RankedEncoder, shown: dict[str, str]) -> dict[str, str]:
    return {
        "target": row.target,
        "encoder": shown[row.encoder],
        "intermediate": row.intermediate,
        "rank": rank_text(row.rank),
        "score": points(row.score),
        "difference": (
            NOTHING if math.isnan(row.difference_low) else points(row.difference, signed=True)
        ),
        "95 %": interval(row.difference_low, row.difference_high),
        "score 95 %": _unsigned_interval(row),
        "p (Holm)": NOTHING if math.isnan(row.p_holm) else f"{row.p_holm:.4f}",
        "note": run_note(row.states, row.mixed_runs),
    }


def _mean_ranks(rows: Sequence[RankedEncoder], shown: dict[str, str]) -> Iterator[dict[str, str]]:
    """A line per encoder with its mean rank, the best first; none with a single target."""
    means = {row.encoder: row for row in rows}
    if len({row.target for row in rows}) < 2:
        return
    blank = dict.fromkeys(_line(rows[0], shown), "")
    for name, row in sorted(means.items(), key=lambda item: _sortable(item[1].mean_rank)):
        what = f"{MEAN_RANK} ({row.targets} target{'s' if row.targets != 1 else ''})"
        ranks = {"target": what, "encoder": shown[name], "rank": rank_text(row.mean_rank, 2)}
        yield blank | ranks


def _own_notes(rows: Sequence[RankedEncoder], shown: dict[str, str]) -> Iterator[str]:
    """Sentences on what is still missing, and on what the mean ranks leave out."""
    missing: dict[str, list[str]] = {}
    for row in rows:
        if row.partial and RunState.PARTIAL in row.states:
            missing.setdefault(row.target, []).append(shown[row.encoder])
    if missing:
        listed = ", ".join(f"{target} ({', '.join(names)})" for target, names in missing.items())
        yield (
            f"{PARTIAL_RANKS}, as scores are missing: {listed}. Ranks there are the order of the "
            "scores so far; no difference is tested."
        )
    yield from _not_in_mean_ranks(rows, shown)


def _not_in_mean_ranks(rows: Sequence[RankedEncoder], shown: dict[str, str]) -> Iterator[str]:
    """A sentence on the targets without a part in the mean ranks, and on the encoders at fault."""
    by_target: dict[str, dict[str, RankedEncoder]] = {}
    for row in rows:
        by_target.setdefault(row.target, {})[row.encoder] = row
    left_out = []
    for target, group in by_target.items():
        reasons = [
            f"{short} {_why_unranked(group.get(name))}"
            for name, short in shown.items()
            if name not in group or math.isnan(group[name].score)
        ]
        if reasons:
            left_out.append(f"{target} ({', '.join(reasons)})")
    if left_out and len(by_target) > 1:
        yield f"{NOT_IN_MEAN_RANKS}: {', '.join(left_out)}."


def _why_unranked(row: RankedEncoder | None) -> str:
    shown = row.states & UNRANKED if row else ()
    return states_text(shown) or "without a score"


def _sortable(rank: float) -> float:
    return math.inf if math.isnan(rank) else rank


def _unsigned_interval(row: RankedEncoder) -> str:
    return "" if math.isnan(row.low) else f"[{points(row.low)}, {points(row.high)}]"


def rank_text(rank: float, digits: int = 1) -> str:
    """1, 1.5 or 1.67; – without a rank."""
    return NOTHING if math.isnan(rank) else f"{round(rank, digits):g}"


def ranking_lines(rows: Iterable[RankedEncoder]) -> Iterator[str]:
    """A sentence per target on its best encoders, on mean ranks, and on what is not in them.

    Args:
        rows: of one ranking.
    """
    every = list(rows)
    ranked = [row for row in every if not math.isnan(row.rank)]
    shown = short_names(dict.fromkeys(row.encoder for row in every))
    by_target: dict[str, list[RankedEncoder]] = {}
    for row in ranked:
        by_target.setdefault(row.target, []).append(row)
    for target, group in by_target.items():
        if len(group) > 1:
            yield f"{target}: {_sentence(group, shown)}."
    means = {shown[row.encoder]: row for row in ranked if row.targets > 1}
    if means:
        order = sorted(means, key=lambda name: means[name].mean_rank)
        ranks = ", ".join(f"{name} {rank_text(means[name].mean_rank, 2)}" for name in order)
        yield f"mean rank over {ranked[0].targets} targets: {ranks}."
    yield from _own_notes(every, shown)


def _sentence(group: Sequence[RankedEncoder], shown: dict[str, str]) -> str:
    best, second = group[0], group[1]
    numbers = (
        f"{shown[best.encoder]} {points(best.score)}, {shown[second.encoder]} "
        f"{points(second.score)}, difference {points(second.difference, signed=True)} "
        f"({points(second.difference_low, signed=True)} to "
        f"{points(second.difference_high, signed=True)})"
    )
    if best.partial:
        return f"highest score so far (partial): {numbers}; differences are not tested"
    if not best.tested:
        return f"highest score: {numbers}; one seed, differences are not tested"
    if second.p_holm < LEVEL:
        return f"best encoder: {numbers}, significant (Holm p < 0.05)"
    tied = [shown[row.encoder] for row in group if row.rank == best.rank]
    return f"no significant difference between {' and '.join(tied)}: {numbers}"
