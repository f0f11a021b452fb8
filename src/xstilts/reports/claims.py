"""Published claims compared with a store, as tables, JSON or an HTML page.

Claims about results have verdicts. What a publication says of its set-up is compared apart from
these with the set-up of an experiment: it is met or not.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from xstilts.analysis.mixed_runs import caveats_of
from xstilts.claims.judge import Judgement
from xstilts.claims.subject import Subject
from xstilts.claims.verdict import MeasuredEffect
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.reports.tables import NOTHING, interval, points, table_text
from xstilts.reports.templating import template
from xstilts.statistics.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

FORMS = ("md", "json", "html")
SHOWN = 20
"""Artifact keys listed per claim; the rest are counted."""
LEGEND = (
    "Points (0–100), means over languages other than English. [ ]: 95 % bootstrap interval over "
    "examples and seeds; one seed supports and contradicts nothing."
)
COLUMNS_LEGEND = (
    "confidence: share of the bootstrap draws that agree with the verdict. "
    "in part: encoder, targets, tasks or test splits are not all those of the publication."
)
SETUP_LEGEND = (
    "Whether an experiment is set up as the publication describes its own. These are facts about "
    "the experiment: they support and contradict nothing."
)
TITLES = {
    Subject.RESULTS: "Claims about results",
    Subject.SETUP: "Facts about the set-up",
}
LEGENDS = {Subject.RESULTS: f"{LEGEND} {COLUMNS_LEGEND}", Subject.SETUP: SETUP_LEGEND}


def by_subject(judgements: Sequence[Judgement]) -> dict[Subject, list[Judgement]]:
    """The judgements of claims about results, and those about the set-up, if there are any."""
    groups = {subject: [one for one in judgements if one.subject is subject] for subject in Subject}
    return {subject: group for subject, group in groups.items() if group}


def readable(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """Judgements of claims about results as a table of texts, one row each."""
    import pandas as pd

    rows = [
        {
            "id": judgement.claim.id,
            "claim": judgement.claim.short,
            "published": published(judgement),
            "measured": headline(judgement),
            "verdict": str(judgement.outcome),
            "confidence": share(judgement.confidence),
            "scope": str(judgement.scope),
            "experiment": judgement.experiment,
            "tested on": judgement.judged_on,
        }
        for judgement in judgements
        if judgement.subject is Subject.RESULTS
    ]
    return pd.DataFrame(rows)


def setup_facts(judgements: Sequence[Judgement]) -> pd.DataFrame:
    """Facts about the set-up of experiments as a table of texts, one row each."""
    import pandas as pd

    rows = [
        {
            "id": judgement.claim.id,
            "set-up": judgement.claim.short,
            "here": str(judgement.outcome),
            "experiment": judgement.experiment,
            "what it has": " ".join(judgement.why),
        }
        for judgement in judgements
        if judgement.subject is Subject.SETUP
    ]
    return pd.DataFrame(rows)


TABLES = {Subject.RESULTS: readable, Subject.SETUP: setup_facts}


def mixed_notes(judgements: Sequence[Judgement]) -> list[str]:
    """Sentences on the gains behind judgements whose runs were computed differently."""
    names = dict.fromkeys(judgement.experiment for judgement in judgements)
    of = {name: [one for one in judgements if one.experiment == name] for name in names}
    return [
        f"{name}: {text}" if len(of) > 1 else text
        for name, own in of.items()
        for text in caveats_of(mixed for judgement in own for mixed in judgement.mixed)
    ]


def published(judgement: Judgement) -> str:
    """Published figures in one line."""
    return ", ".join(f"{figure.points:+.1f}" for figure in judgement.claim.published) or NOTHING


def headline(judgement: Judgement) -> str:
    """Measured effects that have a published figure, else the first one."""
    named = {figure.what for figure in judgement.claim.published}
    shown = [
        measure for measure in judgement.measures if measure.what in named
    ] or judgement.measures[:1]
    return "; ".join(f"{measure.what} {estimate(measure.estimate)}" for measure in shown) or NOTHING


def estimate(estimated: Estimate) -> str:
    """+2.0 [+0.4, +3.9]"""
    return (
        f"{points(estimated.value, signed=True)} {interval(estimated.low, estimated.high)}".strip()
    )


def share(value: float) -> str:
    """A share in percent; never 100 %, because the number of draws is finite."""
    if isnan(value):
        return NOTHING
    return "> 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def claims_text(judgements: Sequence[Judgement], form: str, store: Store) -> str:
    """All judgements as text in one format: md, json or html.

    Raises:
        ConfigError: an unknown format.
    """
    if form == "md":
        return "\n".join(
            f"## {TITLES[subject]}\n\n{table_text(TABLES[subject](group), form)}\n"
            + "".join(f"{line}\n" for line in (LEGENDS[subject], *mixed_notes(group)))
            for subject, group in by_subject(judgements).items()
        )
    if form == "json":
        return (
            json.dumps(
                [as_json(judgement) for judgement in judgements], ensure_ascii=False, indent=1
            )
            + "\n"
        )
    if form == "html":
        return _page(judgements, store)
    raise ConfigError(f"no format {form!r} for claims", todo=f"one of {', '.join(FORMS)}")


def as_json(judgement: Judgement) -> dict[str, Any]:
    """All facts of a judgement; effects in points (0–100), unrounded.

    A claim about the set-up has `set_up` and no verdict.
    """
    is_setup = judgement.subject is Subject.SETUP
    return {
        "claim": judgement.claim.model_dump(mode="json"),
        "about": str(judgement.subject),
        "experiment": judgement.experiment,
        "encoder": judgement.encoder,
        "verdict": None if is_setup else str(judgement.outcome),
        "set_up": str(judgement.outcome) if is_setup else None,
        "scope": str(judgement.scope),
        "judged_on": judgement.judged_on,
        "why": list(judgement.why),
        "share_of_draws_for": _number(judgement.favour),
        "confidence": _number(judgement.confidence),
        "measures": [_measure(measure) for measure in judgement.measures],
        "caveats": list(judgement.caveats),
        "artifacts": list(judgement.keys),
        "artifacts_in_all": len(judgement.keys),
    }


def _measure(measure: MeasuredEffect) -> Mapping[str, Any]:
    estimated = measure.estimate
    effect = {name: _number(100 * getattr(estimated, name)) for name in ("value", "low", "high")}
    return {
        "what": measure.what,
        "of": measure.of,
        **effect,
        "p": _number(estimated.p),
        "n": estimated.n,
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else value


@dataclass(frozen=True)
class Line:
    """A published figure and the measured one; either may be missing."""

    what: str
    published: str
    measured: str
    of: str
    p: str


def lines(judgement: Judgement) -> list[Line]:
    """Published figures, each with its measured effect, then all other measured effects."""
    each = {
        (measure.what, measure.of, measure.estimate.value): measure
        for measure in judgement.measures
    }
    rest = list(each.values())
    rows = []
    for figure in judgement.claim.published:
        measured = next((measure for measure in rest if measure.what == figure.what), None)
        rows.append(_line(figure.what, f"{figure.points:+.1f}", measured))
        rest = [measure for measure in rest if measure is not measured]
    return rows + [_line(measure.what, NOTHING, measure) for measure in rest]


def _line(what: str, figure: str, measure: MeasuredEffect | None) -> Line:
    if measure is None:
        return Line(what, figure, NOTHING, "", "")
    tested = "not tested" if isnan(measure.estimate.p) else f"p {measure.estimate.p:.4f}"
    p = f"{tested}, n {measure.estimate.n:,}"
    return Line(what, figure, estimate(measure.estimate), measure.of, p)


def _page(judgements: Sequence[Judgement], store: Store) -> str:
    groups = {TITLES[subject]: group for subject, group in by_subject(judgements).items()}
    counts = {title: Counter(one.outcome for one in group) for title, group in groups.items()}
    legends = {TITLES[subject]: words for subject, words in LEGENDS.items()}
    experiments = dict.fromkeys(
        f"{judgement.experiment} ({judgement.encoder})" for judgement in judgements
    )
    page = template("claims.html.j2", share=share, lines=lines, headline=headline)
    return page.render(
        groups=groups,
        counts=counts,
        experiments=list(experiments),
        legends=legends,
        shown=SHOWN,
        store=store.root.name,
    )
