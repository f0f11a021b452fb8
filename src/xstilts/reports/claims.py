"""Published claims compared with the results of a store, as a table, JSON or an HTML page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

from xstilts.claims.judge import Judgement
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
    "examples and seeds. confidence: share of the bootstrap draws that agree with the verdict. "
    "Claims about a paper's setup: supported if this experiment matches it in full, undecided if "
    "in part, contradicted if not; such a verdict says nothing against the paper."
)


def readable(found: Sequence[Judgement]) -> pd.DataFrame:
    """Judgements as a table of texts, one row each."""
    import pandas as pd

    rows = [
        {
            "id": one.claim.id,
            "claim": one.claim.short,
            "published": published(one),
            "measured": headline(one),
            "verdict": str(one.verdict),
            "confidence": share(one.confidence),
            "scope": str(one.scope),
            "tested on": one.judged_on,
        }
        for one in found
    ]
    return pd.DataFrame(rows)


def published(one: Judgement) -> str:
    """Published figures in one line."""
    return ", ".join(f"{figure.points:+.1f}" for figure in one.claim.published) or NOTHING


def headline(one: Judgement) -> str:
    """Measured effects that have a published figure, else the first one."""
    named = {figure.what for figure in one.claim.published}
    shown = [measure for measure in one.measures if measure.what in named] or one.measures[:1]
    return "; ".join(f"{measure.what} {estimate(measure.estimate)}" for measure in shown) or NOTHING


def estimate(one: Estimate) -> str:
    """+2.0 [+0.4, +3.9]"""
    return f"{points(one.value, signed=True)} {interval(one.low, one.high)}".strip()


def share(value: float) -> str:
    """A share in percent; never 100 %, because the number of draws is finite."""
    if isnan(value):
        return NOTHING
    return "> 99.9 %" if value > 0.999 else f"{100 * value:.1f} %"


def ledger_text(found: Sequence[Judgement], form: str, store: Store) -> str:
    """All judgements as text in one format: md, json or html.

    Raises:
        ConfigError: an unknown format.
    """
    if form == "md":
        return f"{table_text(readable(found), form)}\n{LEGEND}\n"
    if form == "json":
        return json.dumps([as_json(one) for one in found], ensure_ascii=False, indent=1) + "\n"
    if form == "html":
        return _page(found, store)
    raise ConfigError(f"no format {form!r} for claims", todo=f"one of {', '.join(FORMS)}")


def as_json(one: Judgement) -> dict[str, Any]:
    """All facts of a judgement; effects in points (0–100), unrounded."""
    return {
        "claim": one.claim.model_dump(mode="json"),
        "experiment": one.experiment,
        "encoder": one.encoder,
        "verdict": str(one.verdict),
        "scope": str(one.scope),
        "judged_on": one.judged_on,
        "why": list(one.why),
        "share_of_draws_for": _number(one.favour),
        "confidence": _number(one.confidence),
        "measures": [_measure(measure) for measure in one.measures],
        "caveats": list(one.caveats),
        "artifacts": list(one.keys),
        "artifacts_in_all": len(one.keys),
    }


def _measure(measure: MeasuredEffect) -> Mapping[str, Any]:
    found = measure.estimate
    effect = {name: _number(100 * getattr(found, name)) for name in ("value", "low", "high")}
    return {"what": measure.what, "of": measure.of, **effect, "p": _number(found.p), "n": found.n}


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


def lines(one: Judgement) -> list[Line]:
    """Published figures, each with its measured effect, then all other measured effects."""
    each = {(measure.what, measure.of, measure.estimate.value): measure for measure in one.measures}
    rest = list(each.values())
    found = []
    for figure in one.claim.published:
        measured = next((measure for measure in rest if measure.what == figure.what), None)
        found.append(_line(figure.what, f"{figure.points:+.1f}", measured))
        rest = [measure for measure in rest if measure is not measured]
    return found + [_line(measure.what, NOTHING, measure) for measure in rest]


def _line(what: str, figure: str, measure: MeasuredEffect | None) -> Line:
    if measure is None:
        return Line(what, figure, NOTHING, "", "")
    p = f"p {measure.estimate.p:.4f}, n {measure.estimate.n:,}"
    return Line(what, figure, estimate(measure.estimate), measure.of, p)


def _page(found: Sequence[Judgement], store: Store) -> str:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    experiments = dict.fromkeys(f"{one.experiment} ({one.encoder})" for one in found)
    page = template("claims.html.j2", share=share, lines=lines, headline=headline)
    return page.render(
        found=found, counts=counts, experiments=list(experiments), legend=LEGEND, shown=SHOWN,
        store=store.root.name,
    )  # fmt: skip
