"""The answer in words: summary, findings and caveats."""

from __future__ import annotations

from collections.abc import Iterator
from math import isnan

import pandas as pd

from xstilts.analysis.run_states import states_text
from xstilts.statistics.estimate import LEVEL, Estimate
from xstilts.studies.base import Finding
from xstilts.studies.multimodal.analysis import MultimodalResults
from xstilts.studies.multimodal.data import MultimodalData
from xstilts.studies.multimodal.modalities import IMAGE, form_of, is_nli
from xstilts.studies.text import in_points, significance_text
from xstilts.studies.training_budget import unequal

NOTHING = (
    "Not asked here: the experiment has no image-text target, nor the text of one (add xvnli to "
    "`targets`)."
)
WOULD_BE_SEEN = (
    "a difference of {:.1f} points would be found in four of five such runs, before any correction"
)


def summary(points: MultimodalData, found: MultimodalResults) -> str:
    """One target's answer in a sentence or two."""
    form, together = f"{points.target.name} ({form_of(points.target)})", found.together
    if isnan(together.value):
        return f"{form}: no conclusion, {together.note}."
    first = (
        f"English inference on text {_carries(together)} {form}: {together.value:+.1f} points over "
        f"the baseline (95 % {together.low:+.1f} to {together.high:+.1f})"
    )
    return f"{first}; against other intermediate tasks {significance_text(found.versus)}."


def _carries(together: Estimate) -> str:
    if not together.significant or together.value == 0:
        return "is not shown to carry over to"
    return "carries over to" if together.value > 0 else "does harm to"


def findings(points: MultimodalData, found: MultimodalResults) -> Iterator[Finding]:
    """Each inference task, how many languages gain, all of them together, and the others."""
    name = points.target.name
    yield from _after_each(points, found)
    tested = found.by_language[found.by_language["p_holm"].notna()]
    if len(tested):
        text = f"{name} by language: of {len(tested)} gains after inference tasks, "
        yield Finding(f"{name}-languages", text + _sides(tested, tested["gain"]))
    if len(found.answers):
        yield Finding(f"{name}-answers", _answers(name, found.answers))
    text = f"{name} after inference tasks, their mean over these languages"
    yield Finding(
        f"{name}-inference", f"{text}: {significance_text(found.together)}.", found.together
    )
    text = f"{name}: gain of inference tasks minus gain of the other intermediate tasks"
    yield Finding(f"{name}-versus", f"{text}: {significance_text(found.versus)}.", found.versus)


def _after_each(points: MultimodalData, found: MultimodalResults) -> Iterator[Finding]:
    name = points.target.name
    for _, row in found.overall[found.overall["intermediate"].isin(points.group)].iterrows():
        gain = _of_row(row)
        text = f"{name} after {row['intermediate']}: {significance_text(gain)}."
        yield Finding(f"{name}-after-{row['intermediate']}", text, gain)


def _of_row(row: pd.Series) -> Estimate:
    """A row of the gain table as an estimate, with Holm's p, in points."""
    note = states_text(row["states"]) or ("no score yet" if isnan(row["gain"]) else "")
    value, low, high, p = (float(row[name]) for name in ("gain", "low", "high", "p_holm"))
    return in_points(Estimate(value, low, high, p, int(row["n"]), note))


def _answers(name: str, answers: pd.DataFrame) -> str:
    """How many single runs differ from the baseline's, and what would have been seen."""
    text = (
        f"{name}, run by run: of {len(answers)} differences in right answers to the baseline's run "
        f"with the same seed, {_sides(answers, answers['difference'])}"
    )
    if (answers["p_holm"] < LEVEL).any():
        return text
    seen = 100 * answers["detectable"].median()
    return text if isnan(seen) else f"{text[:-1]}; {WOULD_BE_SEEN.format(seen)}."


def _sides(tested: pd.DataFrame, effect: pd.Series) -> str:
    """How many effects are on either side of zero, by both corrections."""
    (up, down), (more_up, more_down) = (
        [int(((tested[name] < LEVEL) & (effect * sign > 0)).sum()) for sign in (1, -1)]
        for name in ("p_holm", "q")
    )
    return (
        f"{up} are above zero and {down} below after Holm's correction; {more_up} and {more_down} "
        "if 5 % of the findings may be false (Benjamini and Hochberg)."
    )


def caveats(points: MultimodalData) -> Iterator[str]:
    """What the reader must know."""
    name = points.target.name
    yield from points.gains.caveats()
    if IMAGE not in points.target.modalities:
        yield (
            f"{name} was measured without images: nothing here is about a model that sees. "
            "An image-text form would be a target whose task names image as a modality."
        )
    if not is_nli(points.target):
        yield f"{name} is no inference task: it says whether anything carries over at all."
    if said := unequal(points.steps):
        yield said
    yield f"{name}: intervals are about these languages, not about others."
