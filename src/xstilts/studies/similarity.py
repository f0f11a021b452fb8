"""`similarity`: does semantic similarity between intermediate and target task predict accuracy?

For each target the intermediate tasks are the points: their similarity to it against the gain
that they bring. A measure is worth something if choosing the task by it loses little.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import isnan

import numpy as np
import pandas as pd

from xstilts.analysis.stats import ENGLISH, strict_mean
from xstilts.config.load import Loaded
from xstilts.statistics.association import associate_over_targets
from xstilts.statistics.correlation import spearman
from xstilts.statistics.estimate import NAN, Estimate, nothing
from xstilts.statistics.multiple import holm
from xstilts.statistics.permutation import DRAWS
from xstilts.studies.associations import (
    UNMEASURED,
    Association,
    associated,
    association_frame,
    corrected,
    spelled,
)
from xstilts.studies.base import (
    OWN,
    Answer,
    Evidence,
    Figure,
    Finding,
    Needs,
    Series,
    Study,
    StudyTable,
    marked,
)
from xstilts.studies.choosing import (
    Choice,
    by_other_choices,
    by_other_targets,
    chosen,
    over_targets,
)
from xstilts.studies.gains import Gains, gains_in
from xstilts.studies.hindsight import Way, held_out, mean_cost
from xstilts.studies.points import abroad, all_measures, has_scores, mean_over_runs, task_of
from xstilts.studies.recommend import CHEAP, mean_gains
from xstilts.studies.wording import NO_SCORES, after_holm, listed, ranged, shown_by

NAME = "similarity"
QUESTION = (
    "Does the semantic similarity between an intermediate task and a target predict zero-shot "
    "cross-lingual accuracy?"
)
FORMAT = "format"
OTHERS = "other-targets"
"""Not a measure but what every measure must beat: the task that is best on the other targets."""


@dataclass(frozen=True)
class Similarity:
    """A measure of pairs in words.

    Args:
        sign: -1 where less of it is more similar; it is turned round throughout.
        semantic: whether it compares what the two tasks say, not their form or size.
    """

    words: str
    sign: int = 1
    semantic: bool = True


MEASURES: Mapping[str, Similarity] = {
    "textemb": Similarity("cosine of mean token vectors (TextEmb)"),
    "semb": Similarity("cosine of mean sentence vectors (SEmb)"),
    "taskemb": Similarity("cosine of diagonal Fisher information (TaskEmb)"),
    "divergence": Similarity("Jensen-Shannon divergence of token distributions, negative", -1),
    "cka": Similarity("likeness of representations (linear CKA)"),
    FORMAT: Similarity("same format", semantic=False),
    "size-rule": Similarity("training examples of the intermediate task", semantic=False),
    "logme": Similarity("evidence of the target's labels (LogME)", semantic=False),
}
WORDS = {name: one.words for name, one in MEASURES.items()} | {
    OTHERS: "mean gain on the other targets"
}


@dataclass(frozen=True)
class Points:
    """What the answer is read off.

    Args:
        gains: by run.
        means, scores: [tasks, targets] mean gains and mean scores.
        predicted: measure → [tasks, targets], higher for more similar; `OTHERS` among them.
        measures: as they were measured, for single languages.
    """

    gains: Gains
    means: pd.DataFrame
    scores: pd.DataFrame
    predicted: Mapping[str, pd.DataFrame]
    measures: pd.DataFrame

    @property
    def targets(self) -> tuple[str, ...]:
        """The targets on which some task has a gain."""
        return tuple(str(target) for target in self.means)


@dataclass(frozen=True)
class Summary:
    """A measure over all targets.

    Args:
        rho: mean Spearman's correlation; interval and p by drawing and permuting tasks.
        among: the same mean over targets with an interval about other targets.
        given: mean partial correlation given the format, interval about other targets.
        regret1, regret3: means over targets in % of the best score, interval about other targets.
        beside1: regret1 minus what a random choice loses.
    """

    measure: str
    targets: int
    rho: Estimate
    among: Estimate
    given: Estimate
    ndcg: Estimate
    ndcg_by_chance: float
    regret1: Estimate
    regret1_by_chance: float
    beside1: Estimate
    regret3: Estimate
    regret3_by_chance: float
    p_holm: float = NAN

    @property
    def found(self) -> bool:
        """Whether the correlation is found after Holm's correction."""
        return Estimate(self.rho.value, p=self.p_holm).found


def needs(_: Loaded) -> Needs:
    """The experiment as it is, the measures of its pairs of tasks, and those of `recommend`."""
    return Needs(measures=tuple(dict.fromkeys((*MEASURES, *CHEAP))))


def answer(evidence: Evidence) -> Answer:
    """From the runs to the answer."""
    gains = gains_in(evidence)
    measures, lost = all_measures(evidence)
    found = conclude(gains, measures)
    if not has_scores(evidence, {task_of(cell.target) for cell in evidence.cells[OWN]}):
        found = replace(found, summary=NO_SCORES)
    return replace(found, caveats=(*found.caveats, *lost))


def conclude(gains: Gains, measures: pd.DataFrame, draws: int = DRAWS) -> Answer:
    """The answer from gains and measures.

    Args:
        measures: see `measured.measures_table`.
        draws: permutations behind each p value.
    """
    points = _points(gains, measures)
    rows = _associations(points, draws)
    choices = _choices(points)
    summaries = _summaries(points, rows, choices, draws)
    lost, past = _by_choice(choices), _past(points)
    return Answer(
        NAME,
        QUESTION,
        _summary(summaries, points, lost),
        (*_findings(summaries), *_choosing(lost, past)),
        (*_tables(points, rows, choices, summaries), _past_table(past)),
        tuple(_figures(summaries)),
        (*_caveats(points, summaries), *gains.caveats()),
    )


# numbers


def _points(gains: Gains, measures: pd.DataFrame) -> Points:
    tasks = list(dict.fromkeys(measures["task"]))
    means = mean_over_runs(gains.table, tasks)
    scores = mean_over_runs(gains.table, tasks, "score")
    targets = [str(target) for target in means]
    predicted = {name: predicted_by(measures, name, targets) for name in MEASURES}
    predicted = {name: one.reindex(means.index) for name, one in predicted.items()}
    return Points(gains, means, scores, {**predicted, OTHERS: by_other_targets(means)}, measures)


def predicted_by(
    measures: pd.DataFrame, measure: str, targets: Iterable[str], language: str = ""
) -> pd.DataFrame:
    """[tasks, targets] a measure, turned round where less of it is more similar; NaN if unknown.

    Args:
        measures: see `measured.measures_table`. What depends on no target holds for all.
        language: the target's; English or none stands for it where it was not measured. Empty:
            the mean over all but English, as for gains; English where that is all.
    """
    rows = measures[measures["measure"] == measure]
    found = {target: _of_target(rows, target, language) for target in targets}
    return MEASURES[measure].sign * pd.DataFrame(found, columns=list(found), dtype=float)


def _of_target(rows: pd.DataFrame, target: str, language: str) -> pd.Series[float]:
    own = rows[rows["other"].isin({target, task_of(target)})]
    own = rows[rows["other"] == ""] if own.empty else own
    codes = own["language"]
    choices = [codes == one for one in (language, "", ENGLISH)] if language else [codes != ENGLISH]
    kept = next((some for some in choices if some.any()), codes == language)
    own = own[kept] if language or kept.any() else own
    return own.groupby("task", sort=False)["value"].agg(strict_mean).astype(float)


def _associations(points: Points, draws: int) -> list[Association]:
    """Every measure with the gain on every target; Holm over all, without the reference."""

    def some(names: Iterable[str]) -> list[Association]:
        return [
            _association(points, name, target, draws) for target in points.targets for name in names
        ]

    return corrected(some(MEASURES)) + some([OTHERS])


def _association(points: Points, measure: str, target: str, draws: int) -> Association:
    names = dict.fromkeys((measure, FORMAT))
    measured = pd.DataFrame({name: points.predicted[name][target] for name in names})
    covariates = () if measure == FORMAT else (FORMAT,)
    return associated(target, measure, points.means[target].dropna(), measured, covariates, draws)


def _choices(points: Points) -> list[Choice]:
    found = (
        chosen(target, name, points.predicted[name][target], points.scores[target])
        for target in points.targets
        for name in points.predicted
    )
    return [one for one in found if one]


def _summaries(
    points: Points, rows: Sequence[Association], choices: Sequence[Choice], draws: int
) -> list[Summary]:
    found = [_over_all(points, name, rows, choices, draws) for name in points.predicted]
    p = holm(np.array([one.rho.p if one.measure in MEASURES else NAN for one in found]))
    return [replace(one, p_holm=float(value)) for one, value in zip(found, p, strict=True)]


def _over_all(
    points: Points,
    measure: str,
    rows: Sequence[Association],
    choices: Sequence[Choice],
    draws: int,
) -> Summary:
    mine = [row for row in rows if row.measure == measure]
    picks = [one for one in choices if one.measure == measure]
    predicted = points.predicted[measure]
    known = [target for target in points.targets if predicted[target].notna().any()]
    return Summary(
        measure,
        len(known),
        _mean_rho(points, measure, known, draws),
        over_targets([row.spearman.value for row in mine]).within(-1, 1),
        over_targets([row.given.value for row in mine]).within(-1, 1),
        over_targets([one.ndcg for one in picks]),
        _mean([one.ndcg_by_chance for one in picks]),
        over_targets([one.regret1 for one in picks]),
        _mean([one.regret1_by_chance for one in picks]),
        over_targets([one.regret1 - one.regret1_by_chance for one in picks]),
        over_targets([one.regret3 for one in picks]),
        _mean([one.regret3_by_chance for one in picks]),
    )


def _mean_rho(points: Points, measure: str, targets: list[str], draws: int) -> Estimate:
    """Without p for the reference, which is made of the very gains that would be permuted."""
    if not targets:
        return nothing(0, UNMEASURED)
    rho = associate_over_targets(points.predicted[measure][targets], points.means[targets], draws)
    return rho if measure in MEASURES else replace(rho, p=NAN)


def _by_choice(choices: Sequence[Choice]) -> pd.DataFrame:
    """[targets, measures] regret@1; the reference is no measure to choose."""
    rows = [asdict(one) for one in choices if one.measure in MEASURES]
    table = pd.DataFrame(rows, columns=["target", "measure", "regret1"])
    return table.pivot_table(index="target", columns="measure", values="regret1", sort=False)


def _past(points: Points) -> pd.DataFrame:
    """What `recommend` would have lost on each target, see `hindsight.held_out`."""
    runs = points.gains.table
    asked = runs["setting"].isin(points.means.index) & runs["target"].isin(points.targets)
    return held_out(mean_gains(runs[asked], ""), points.measures)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else NAN


def _by_language(points: Points) -> pd.DataFrame:
    """Correlation and regret within each language of each target: means over seeds."""
    rows = []
    runs = abroad(points.gains.table)
    runs = runs[runs["setting"].isin(points.means.index)]
    for (target, language), some in runs.groupby(["target", "language"], sort=False):
        means = some.groupby("setting", sort=False)[["gain", "score"]].mean()
        for name in MEASURES:
            predicted = predicted_by(points.measures, name, [str(target)], str(language))
            both = means.join(predicted[str(target)].rename("predicted")).dropna()
            if pick := chosen(str(target), name, both["predicted"], both["score"]):
                rho = float(spearman(both["predicted"].to_numpy(), both["gain"].to_numpy()))
                rows.append({"language": language, "rho": rho, **asdict(pick)})
    return pd.DataFrame(rows)


# words


def _summary(summaries: Sequence[Summary], points: Points, lost: pd.DataFrame) -> str:
    if not points.targets:
        return "Not answered: no target has gains after intermediate tasks that were measured."
    known = [one for one in summaries if one.measure in MEASURES and not isnan(one.rho.value)]
    if not known:
        notes = dict.fromkeys(one.rho.note for one in summaries if one.measure in MEASURES)
        return f"Not answered: {'; '.join(note for note in notes if note)}."
    semantic = [one for one in known if MEASURES[one.measure].semantic]
    return " ".join([_verdict(semantic), _best_choice(summaries, lost)]).strip()


def _verdict(semantic: Sequence[Summary]) -> str:
    if not semantic:
        return "No measure of semantic similarity is known."
    found = [one for one in semantic if one.found]
    if not found:
        largest = max(semantic, key=lambda one: abs(one.rho.value))
        return (
            "No measure of semantic similarity is shown to predict the gain after Holm's "
            f"correction; the largest mean correlation is that of {largest.measure}, rho "
            f"{ranged(largest.rho)}. On one target {shown_by(largest.rho.n)}; targets that differ "
            "show a smaller one together."
        )
    said: dict[str, list[str]] = {}
    for one in found:
        more = "more" if one.rho.value > 0 else "less"
        said.setdefault(more, []).append(f"{one.measure} (mean rho {one.rho.value:.2f})")
    return " ".join(
        f"The more similar a task by {listed(names)}, the {more} it brings on these targets."
        for more, names in said.items()
    )


def _best_choice(summaries: Sequence[Summary], lost: pd.DataFrame) -> str:
    """The measure to choose by, beside chance and the other targets."""
    usable = [one for one in summaries if one.measure in lost.columns]
    if not usable:
        return ""
    best = min(usable, key=lambda one: one.regret1.value)
    others = next(one.regret1.value for one in summaries if one.measure == OTHERS)
    beside = f", always taking what is best on the other targets {others:.1f} %"
    honest = over_targets(by_other_choices(lost).tolist())
    unflattered = f"; {_by_others(honest)}" if not isnan(honest.value) else ""
    return (
        f"Choosing the task by {best.measure}, the best of the {len(usable)} measures on these "
        f"very targets, loses {best.regret1.value:.1f} % of the best score, a random choice "
        f"{best.regret1_by_chance:.1f} %{'' if isnan(others) else beside}{unflattered}."
    )


def _by_others(honest: Estimate) -> str:
    return f"choosing the measure itself on the other targets loses {ranged(honest, 1, ' %')}"


def _choosing(lost: pd.DataFrame, past: pd.DataFrame) -> Iterator[Finding]:
    """Regret that no look at the target's own results has flattered."""
    honest = over_targets(by_other_choices(lost).tolist())
    if not isnan(honest.value):
        text = f"For a target that is held out, {_by_others(honest)} of its best score."
        yield Finding("regret-of-chosen-measure", text, honest)
    ours, others, blind = (mean_cost(past, way, "regret_1") for way in Way)
    if isnan(ours.value):
        text = f"What `recommend` loses on a held-out target: no number, {ours.note}."
    else:
        text = (
            f"For a target that is held out, following `recommend` loses {ranged(ours, 1, ' %')} "
            f"of the best score on average, taking what is best on the other targets "
            f"{ranged(others, 1, ' %')}, a random choice {ranged(blind, 1, ' %')}."
        )
    yield Finding("regret-recommend", text, ours)


def _findings(summaries: Sequence[Summary]) -> Iterator[Finding]:
    for one in summaries:
        if one.rho.note == UNMEASURED:
            continue  # the caveats say so
        yield Finding(one.measure, _correlated(one), one.rho)
        if not isnan(one.regret1.value):
            yield Finding(f"regret-{one.measure}", _lost(one), one.regret1)
        if not isnan(one.given.value):
            text = (
                f"{one.measure} given whether formats are equal: the mean partial correlation "
                f"with the gain over targets is {ranged(one.given)}."
            )
            yield Finding(f"{one.measure}-given-format", text, one.given)


def _correlated(one: Summary) -> str:
    what = f"{one.measure}, {WORDS[one.measure]}"
    if isnan(one.rho.value):
        return f"{what}: no number, {one.rho.note}."
    over = f"over {one.targets} target{'s' if one.targets > 1 else ''}"
    mean = f"mean Spearman's rho with the gain {over} is {ranged(one.rho)}"
    return f"{what}: {mean}{after_holm(one.p_holm)}."


def _lost(one: Summary) -> str:
    return (
        f"Choosing the intermediate task by {one.measure} loses {one.regret1.value:.1f} % of the "
        f"best score on average (regret@1; regret@3 {one.regret3.value:.1f} %), a random choice "
        f"{one.regret1_by_chance:.1f} % ({one.regret3_by_chance:.1f} %); the difference at 1 is "
        f"{ranged(one.beside1, 1, ' %')}."
    )


def _caveats(points: Points, summaries: Sequence[Summary]) -> Iterator[str]:
    missing = [one.measure for one in summaries if one.rho.note == UNMEASURED]
    if missing and points.targets:
        yield f"Not measured: {listed(missing)}."
    incomplete = points.means[points.means.isna().any(axis=1)]
    if len(incomplete):
        yield (
            "In no mean correlation over targets, for want of a gain on one of them: "
            f"{listed([str(task) for task in incomplete.index])}."
        )


# tables


def _tables(
    points: Points,
    rows: Sequence[Association],
    choices: Sequence[Choice],
    summaries: Sequence[Summary],
) -> Iterator[StudyTable]:
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


def _past_table(past: pd.DataFrame) -> StudyTable:
    return StudyTable(
        "recommend",
        "What `recommend` would have lost on each target, held out",
        past.drop(columns="encoder"),
        (
            "Each target in turn is advised on by the results of the others and by cheap measures. "
            "cost: best gain less that of the best of the first 1 or 3, between 0 and 1; regret: "
            "the same in % of the best score; inside: share of the gains within the interval "
            "that was given for them.",
            f"{Way.OTHERS}: as `{OTHERS}` in the other tables. {Way.BLIND}: expected values.",
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


def _pairs(points: Points) -> pd.DataFrame:
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


# figures


def _figures(summaries: Sequence[Summary]) -> Iterator[Figure]:
    known = [one for one in summaries if not isnan(one.rho.value)]
    if known:
        yield Figure(
            "correlation-by-measure",
            "Rank correlation of similarity and gain, mean over targets",
            "measure",
            "Spearman's rho, 95 % interval over tasks",
            (
                marked(
                    "mean over targets",
                    [one.rho for one in known],
                    labels=[one.measure for one in known],
                ),
            ),
            zero=True,
        )
    usable = [one for one in summaries if not isnan(one.regret1.value)]
    if usable:
        yield Figure(
            "regret-by-measure",
            "What choosing the intermediate task by a measure loses",
            "measure",
            "regret@1 (% of the best score), 95 % interval over targets",
            (
                marked(
                    "chosen by the measure",
                    [one.regret1 for one in usable],
                    labels=[one.measure for one in usable],
                ),
                Series(
                    "random choice",
                    tuple(float(place) for place in range(len(usable))),
                    tuple(one.regret1_by_chance for one in usable),
                    line=True,
                ),
            ),
            zero=True,
        )


STUDY = Study(NAME, QUESTION, needs, answer)
