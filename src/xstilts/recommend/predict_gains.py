"""Which intermediate task to train on: known gains where there are any, else a prediction.

A candidate's gain on a target is taken from the first of these that is available:

1. its own results on this very target, with the gain table's interval;
2. the gains of the store, of these and other tasks on this and other targets, and cheap measures,
   by `statistics.gain_model`: a prediction with an interval for one more gain;
3. measures alone. Without a gain their scale in points is unknown, so there is no
   number then, only an order: the mean rank by `FALLBACK`.

Gains under the same encoder are used alone where they suffice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace

import numpy as np
import pandas as pd

from xstilts.analysis.gains import KEY
from xstilts.core.counted import counted
from xstilts.recommend.gain_noise import check_noise, sampling_variances, variance_of_new_gain
from xstilts.statistics.estimate import NAN, Estimate, Floats, join_notes
from xstilts.statistics.gain_model import Design, predict

LOW_COST = ("textemb", "semb", "divergence", "format", "size-rule", "length")
"""Measures that need no intermediate training; see `planning.measures`."""
FALLBACK = ("textemb", "format", "size-rule")
"""What ranks candidates where there are no gains: the higher the better, with equal weights."""
COUNTS = ("size-rule", "length")
"""Measures that are compared by their logarithm."""
GAINS = (*KEY, "score", "gain")


@dataclass(frozen=True)
class KnownGains:
    """What is known before any training.

    Args:
        gains: a row per encoder, setting and target, see `analysis.gains.mean_gains`, with the
            columns `GAINS`; see `gain_noise.sampling_variances` for others.
        measures: see `analysis.measures_table`; may be empty.
        direct: candidate → its gain on this very target, where it has been run.
        notes: candidate → a remark.
        lowest: possible score on the target; the highest is 1.

    Raises:
        DataError: gains without a target, or with impossible numbers or variances of seeds.
    """

    gains: pd.DataFrame
    measures: pd.DataFrame
    direct: Mapping[str, Estimate] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    lowest: float = 0.0

    def __post_init__(self) -> None:
        check_noise(self.gains)


@dataclass(frozen=True)
class Advice:
    """One candidate's line; gains between 0 and 1.

    Args:
        rank: 1 is to be paid for first.
        gain, low, high: expected gain and its 95 % interval: for the gain itself where it has
            been measured, for one more gain where it is predicted.
        basis: what the number is based on, in words.
        targets: how many other targets have results of this candidate.
        mean_rank: by the measures of `FALLBACK`; NaN where there are none.
    """

    candidate: str
    rank: int = 0
    gain: float = NAN
    low: float = NAN
    high: float = NAN
    basis: str = ""
    targets: int = 0
    mean_rank: float = NAN
    note: str = ""


def recommend(
    candidates: Sequence[str], target: str, encoder: str, known: KnownGains
) -> pd.DataFrame:
    """A row per candidate, the best first; see `Advice` for the columns.

    Candidates without a gain come after those with one, in the order of the measures.
    """
    gains, others = comparable_gains(known.gains, encoder)
    places = _by_default(known.measures, candidates, target)
    wanted = [one for one in candidates if one not in known.direct]
    limits = _possible_gains(gains, target, known.lowest)
    predictions = _predicted(gains, known.measures, wanted, target)
    predicted = {
        name: replace(one.clipped(*limits), value=float(np.clip(one.value, *limits)))
        for name, one in zip(wanted, predictions, strict=True)
    }
    rows = []
    for name in candidates:
        elsewhere = gains[(gains["intermediate"] == name) & (gains["target"] != target)]
        blank = Advice(
            name, mean_rank=places[name], targets=len(elsewhere), note=known.notes.get(name, "")
        )
        if name in known.direct:
            rows.append(_valued(blank, known.direct[name], "results on this target"))
        else:
            rows.append(_valued(blank, predicted[name], _basis(blank, predicted[name], others)))
    rows.sort(key=_order)
    ranked = [asdict(replace(row, rank=rank)) for rank, row in enumerate(rows, start=1)]
    return pd.DataFrame(ranked, columns=[column.name for column in fields(Advice)])


def comparable_gains(gains: pd.DataFrame, encoder: str) -> tuple[pd.DataFrame, bool]:
    """The gains of this encoder; if these cannot do, of all, a target under each being another."""
    from xstilts.statistics.gain_model import MIN_LEVELS

    own = gains[gains["encoder"] == encoder]
    if own["target"].nunique() >= MIN_LEVELS or len(own) == len(gains):
        return own, False
    foreign = gains["encoder"] != encoder
    elsewhere = gains["target"] + " under " + gains["encoder"]
    return gains.assign(target=gains["target"].where(~foreign, elsewhere)), True


def _possible_gains(gains: pd.DataFrame, target: str, lowest: float) -> tuple[float, float]:
    """The smallest and largest gain from a target's baseline; from any score if it is unknown."""
    here = gains[gains["target"] == target]
    if here.empty:
        return lowest - 1.0, 1.0 - lowest
    baseline = float((here["score"] - here["gain"]).mean())
    return lowest - baseline, 1.0 - baseline


def _predicted(
    gains: pd.DataFrame, measures: pd.DataFrame, wanted: Sequence[str], target: str
) -> list[Estimate]:
    """The additive model's prediction of each wanted setting's gain on a target."""
    here = pd.DataFrame({"intermediate": list(wanted), "target": target})
    if not len(here):
        return []
    every = pd.concat([gains[["intermediate", "target"]], here], ignore_index=True)
    features, n = _features(measures, every), len(gains)
    noise = sampling_variances(gains)
    of_new = variance_of_new_gain(noise, gains["target"].eq(target).tolist())
    return predict(
        _places(every[:n], features[:n], noise),
        gains["gain"].to_numpy(dtype=np.float64),
        _places(every[n:], features[n:], np.full(len(here), of_new)),
    )


def _places(pairs: pd.DataFrame, features: Floats, noise: Floats) -> Design:
    return Design(pairs["intermediate"].tolist(), pairs["target"].tolist(), features, noise)


def _features(measures: pd.DataFrame, pairs: pd.DataFrame) -> Floats:
    """[pairs, k] measures, centred within each target and of unit size; 0 where there is none.

    Centred, since with so few targets a measure's mean over a target cannot be separated from the
    target's own effect.
    """
    columns = []
    for name in LOW_COST:
        values = _values(measures, name, pairs)
        centred = values - values.groupby(pairs["target"]).transform("mean")
        size = float(centred.std(ddof=0))
        if size > 1e-9:
            columns.append((centred / size).fillna(0.0).to_numpy(dtype=np.float64))
    return np.stack(columns, axis=1) if columns else np.zeros((len(pairs), 0))


def _values(measures: pd.DataFrame, name: str, pairs: pd.DataFrame) -> pd.Series[float]:
    """A measure at each pair of setting and target; that of the setting alone where it is one."""
    here = measures[measures["measure"] == name]
    means = here.groupby(["task", "other"])["value"].mean().to_dict()
    known = [
        means.get((setting, target), means.get((setting, ""), NAN))
        for setting, target in zip(pairs["intermediate"], pairs["target"], strict=True)
    ]
    values = pd.Series(known, index=pairs.index, dtype=float)
    return values.where(values > 0).map(np.log) if name in COUNTS else values


def _by_default(measures: pd.DataFrame, candidates: Sequence[str], target: str) -> dict[str, float]:
    """Candidate → mean rank, 1 the best, by the measures of `FALLBACK` that there are."""
    pairs = pd.DataFrame({"intermediate": list(candidates), "target": target})
    ranks = [_values(measures, name, pairs).rank(ascending=False) for name in FALLBACK]
    means = pd.concat(ranks, axis=1).mean(axis=1)
    return dict(zip(candidates, means.tolist(), strict=True))


def _valued(blank: Advice, estimate: Estimate, basis: str) -> Advice:
    """With a gain and its interval."""
    note = join_notes([blank.note, estimate.note])
    return replace(
        blank, gain=estimate.value, low=estimate.low, high=estimate.high, basis=basis, note=note
    )


def _basis(blank: Advice, estimate: Estimate, others: bool) -> str:
    """On what a candidate without results on the target stands."""
    measured = not np.isnan(blank.mean_rank)
    if np.isnan(estimate.value):
        return "measures only" if measured else "nothing"
    if blank.targets:
        words = f"results on {blank.targets} other target{'s' if blank.targets > 1 else ''}"
    else:
        words = (
            f"other tasks on {counted(estimate.n, 'target')}{' and measures' if measured else ''}"
        )
    return f"{words} (other encoders among them)" if others else words


def _order(row: Advice) -> tuple[bool, float, float]:
    """By expected gain; what has none by measures, after them."""
    unknown = np.isnan(row.gain)
    return bool(unknown), 0.0 if unknown else -row.gain, np.nan_to_num(row.mean_rank, nan=np.inf)
