"""The answer in tables and figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from math import isnan

import pandas as pd

from xstilts.recommend.backtest import Policy
from xstilts.recommend.regret import RankingQuality, rank_quality
from xstilts.statistics.correlation import spearman
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import Figure, Series, StudyTable, points_series
from xstilts.studies.correlations import Association, association_frame, spelled
from xstilts.studies.similarity.analysis import Summary
from xstilts.studies.similarity.data import SimilarityData, predicted_by
from xstilts.studies.similarity.measures import MEASURES, OTHERS
from xstilts.studies.task_table import non_english


def _by_language(points: SimilarityData) -> pd.DataFrame:
    """Correlation and regret within each language of each target: means over seeds."""
    rows = []
    runs = non_english(points.gains.table)
    runs = runs[runs["intermediate"].isin(points.means.index)]
    for (target, language), some in runs.groupby(["target", "language"], sort=False):
        means = some.groupby("intermediate", sort=False)[["gain", "score"]].mean()
        for name in MEASURES:
            predicted = predicted_by(points.measures, name, [str(target)], str(language))
            both = means.join(predicted[str(target)].rename("predicted")).dropna()
            if pick := rank_quality(str(target), name, both["predicted"], both["score"]):
                rho = float(spearman(both["predicted"].to_numpy(), both["gain"].to_numpy()))
                rows.append({"language": language, "rho": rho, **asdict(pick)})
    return pd.DataFrame(rows)


def tables(
    points: SimilarityData,
    rows: Sequence[Association],
    choices: Sequence[RankingQuality],
    summaries: Sequence[Summary],
) -> Iterator[StudyTable]:
    """Measures over targets, on each target and language, the choices, and the pairs."""
    turned = (
        "Higher is more similar throughout: divergence is negative. "
        f"{OTHERS} is no measure but a reference: each task's gain on the other targets."
    )
    yield StudyTable(
        "measures",
        "Measures over all targets",
        pd.DataFrame([_summary_row(one) for one in summaries]),
        (
            turned,
            "rho: mean of Spearman's over targets; interval by drawing tasks (BCa), p by permuting "
            "them for all targets at once; p_holm: over the measures.",
            "Intervals _over_targets, of given_format (partial correlation), ndcg, regret1, "
            "regret3 and regret1_less_chance are about other targets and these tasks.",
            "regret: % of the best score that is lost by choosing the best of the first 1 or 3; "
            "tasks that a measure holds equal are drawn from. _by_chance: all are drawn from.",
        ),
    )
    yield StudyTable(
        "associations",
        "Measures against the gain on each target",
        association_frame(rows),
        (
            turned,
            "95 % interval by the bootstrap over tasks (BCa), p by permutation; p_holm: "
            "Spearman's, over all measures and targets; q: the same by Benjamini and Hochberg, "
            "which allows for 5 % of false ones among the findings. partial: given equality of "
            "formats.",
        ),
    )
    yield StudyTable(
        "choices",
        "Choosing the intermediate task of each target by a measure",
        pd.DataFrame([asdict(one) for one in choices]),
        (turned, "Scores are means over seeds and the languages other than English."),
    )
    yield StudyTable(
        "languages",
        "The same within each language",
        _by_language(points),
        (turned, "rho: Spearman's with the gain; means over seeds. One language is noisy."),
    )
    yield StudyTable("pairs", "Similarities and gains", _pairs(points), (turned,))


def past_table(past: pd.DataFrame) -> StudyTable:
    """What following `recommend` would have cost, target by target."""
    return StudyTable(
        "recommend",
        "What `recommend` would have lost on each target, held out",
        past.drop(columns="encoder"),
        (
            "Each target in turn is advised on by the results of the others and by cheap measures. "
            "cost: best gain less that of the best of the first 1 or 3, between 0 and 1; regret: "
            "the same in % of the best score; inside: share of the gains within the interval "
            "that was given for them.",
            f"{Policy.OTHERS}: as `{OTHERS}` in the other tables. {Policy.BLIND}: expected values.",
        ),
    )


def _summary_row(one: Summary) -> dict[str, object]:
    return {
        "measure": one.measure,
        "targets": one.targets,
        "tasks": one.rho.n,
        **spelled("rho", one.rho),
        "p_holm": one.p_holm,
        **_ends("rho_over_targets", one.among),
        **_ends("given_format", one.given),
        **_ends("ndcg", one.ndcg),
        "ndcg_by_chance": one.ndcg_by_chance,
        **_ends("regret1", one.regret1),
        "regret1_by_chance": one.regret1_by_chance,
        **_ends("regret1_less_chance", one.beside1),
        **_ends("regret3", one.regret3),
        "regret3_by_chance": one.regret3_by_chance,
        "note": one.rho.note,
    }


def _ends(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _pairs(points: SimilarityData) -> pd.DataFrame:
    rows = [
        {
            "task": task,
            "target": target,
            **{name: table.loc[task, target] for name, table in points.predicted.items()},
            "score": points.scores.loc[task, target],
            "gain": points.means.loc[task, target],
        }
        for target in points.targets
        for task in points.means.index[points.means[target].notna()]
    ]
    return pd.DataFrame(rows)


def figures(summaries: Sequence[Summary]) -> Iterator[Figure]:
    """Correlation and regret by measure."""
    known = [one for one in summaries if not isnan(one.rho.value)]
    if known:
        yield Figure(
            "correlation-by-measure",
            "Rank correlation of similarity and gain, mean over targets",
            "measure",
            "Spearman's rho, 95 % interval over tasks",
            (_by_measure("mean over targets", known, [one.rho for one in known]),),
            zero=True,
        )
    usable = [one for one in summaries if not isnan(one.regret1.value)]
    if usable:
        blind = tuple(one.regret1_by_chance for one in usable)
        yield Figure(
            "regret-by-measure",
            "What choosing the intermediate task by a measure loses",
            "measure",
            "regret@1 (% of the best score), 95 % interval over targets",
            (
                _by_measure("chosen by the measure", usable, [one.regret1 for one in usable]),
                Series("random choice", tuple(map(float, range(len(blind)))), blind, line=True),
            ),
            zero=True,
        )


def _by_measure(name: str, summaries: Sequence[Summary], estimates: Sequence[Estimate]) -> Series:
    return points_series(name, estimates, labels=[one.measure for one in summaries])
