"""The page of a comparison of two experiments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan

from markupsafe import Markup, escape

from xstilts.analysis.comparison import (
    DRAWS,
    MEAN,
    Comparison,
    ScoreDifference,
    UnpairedScores,
)
from xstilts.languages import language
from xstilts.reports.tables import NOTHING, points
from xstilts.reports.templating import template

WIDTH, HEIGHT = 240, 18
"""Of the picture of an interval."""
METHOD = (
    "Scores in points (0–100) on the test examples that both experiments have, means over seeds. "
    "Difference: second minus first. 95 %: paired bootstrap over examples and seeds (at least "
    f"{DRAWS:,} draws). p: two-sided, Holm-corrected over all targets and settings; it is not "
    "computed while scores are missing, nor of one seed, whose interval is over examples only."
)


@dataclass(frozen=True)
class ComparedTarget:
    """A target and setting: its mean and its languages."""

    title: str
    mean: ScoreDifference
    languages: tuple[ScoreDifference, ...]

    @property
    def rows(self) -> tuple[ScoreDifference, ...]:
        """The mean, then the languages."""
        return (self.mean, *self.languages)

    @property
    def limit(self) -> float:
        """The largest end of an interval in either direction."""
        ends = (abs(end) for one in self.rows for end in (one.low, one.high))
        return max([0.01, *(end for end in ends if not isnan(end))])


def comparison_page(comparison: Comparison) -> str:
    """One self-contained HTML page: no script, no network."""
    html = template(
        "comparison.html.j2",
        points=points,
        signed=lambda value: points(value, signed=True),
        interval=interval_text,
        verdict=verdict,
        p=p_text,
        language=language_name,
        picture=interval_picture,
        examples=examples_text,
    )
    return html.render(
        comparison=comparison,
        lines=answer(comparison),
        targets=compared_targets(comparison),
        unpaired=unpaired_lines(comparison.unpaired),
        method=METHOD,
    )


def compared_targets(comparison: Comparison) -> list[ComparedTarget]:
    """The scores by encoder, target and setting."""
    several = len({one.encoder for one in comparison.scores}) > 1
    groups: dict[tuple[str, str, str], list[ScoreDifference]] = {}
    for one in comparison.scores:
        groups.setdefault((one.encoder, one.target, one.intermediate), []).append(one)
    return [
        ComparedTarget(
            f"{target} after {setting}" + (f", {encoder}" if several else ""),
            next(one for one in scores if one.language == MEAN),
            tuple(one for one in scores if one.language != MEAN),
        )
        for (encoder, target, setting), scores in groups.items()
    ]


def answer(comparison: Comparison) -> list[str]:
    """A sentence on each target and setting, significant differences first."""
    ordered = sorted(
        comparison.means,
        key=lambda one: (isnan(one.difference), not one.significant, -abs(one.difference)),
    )
    return [sentence(one, comparison) for one in ordered]


def sentence(one: ScoreDifference, comparison: Comparison) -> str:
    """What is known of the difference of a mean."""
    subject = f"{one.target} after {one.intermediate}"
    numbers = f"{points(one.a)} → {points(one.b)}, {points(one.difference, signed=True)}"
    if one.same_runs:
        so_far = " so far" if one.partial else ""
        return f"{subject}: both experiments have the same runs{so_far} ({points(one.a)})."
    if isnan(one.difference):
        return f"{subject}: {verdict(one)}."
    found = f"{subject}: {numbers} ({interval_text(one)}), {verdict(one)}."
    if one.significant:
        better = comparison.b if one.difference > 0 else comparison.a
        return f"{found[:-1]}: {better} is better."
    return found


def verdict(one: ScoreDifference) -> str:
    """Whether a difference is significant, in words."""
    if one.same_runs:
        return "same runs"
    if isnan(one.difference):
        why = "a language has no score" if one.languages else "only English can be compared"
        return f"no mean, as {why}"
    if one.significant:
        return "significant"
    if one.partial:
        return "partial: scores are missing, so significance is not tested"
    if one.language != MEAN:
        return "" if one.low <= 0 <= one.high else "interval without zero"
    if min(one.a_seeds, one.b_seeds) == 1:
        return "one seed, so significance is not tested"
    return "not significant"


def interval_text(one: ScoreDifference) -> str:
    """The interval of a difference in points."""
    if isnan(one.low):
        return NOTHING
    return f"{points(one.low, signed=True)} to {points(one.high, signed=True)}"


def p_text(one: ScoreDifference) -> str:
    """Holm's p value."""
    if isnan(one.p_holm):
        return NOTHING
    return "< 0.001" if one.p_holm < 0.001 else f"{one.p_holm:.3f}"


def examples_text(one: ScoreDifference) -> str:
    """How many examples are compared, and of how many, if an experiment has more."""
    if not one.languages:
        return NOTHING
    if one.n == one.a_n == one.b_n:
        return f"{one.n:,}"
    return f"{one.n:,} of {one.a_n:,} and {one.b_n:,}"


def language_name(code: str) -> str:
    """The name of a language, with its code."""
    return "mean" if code == MEAN else f"{language(code).name} ({code})"


def unpaired_lines(unpaired: Iterable[UnpairedScores]) -> list[str]:
    """What is not compared, a line for each target, setting and reason."""
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for one in unpaired:
        group = one.encoder, one.target, one.intermediate, one.reason
        groups.setdefault(group, []).extend([one.language] if one.language else [])
    return [
        f"{target} after {setting}{' in ' * bool(codes)}{', '.join(codes)}: {reason}"
        for (_, target, setting, reason), codes in groups.items()
    ]


def interval_picture(one: ScoreDifference, limit: float) -> Markup:
    """A difference and its interval around zero as SVG.

    Args:
        limit: the difference at either end of the picture.
    """

    def x(value: float) -> float:
        return round(WIDTH / 2 * (1 + max(-1.0, min(1.0, value / limit)) * 0.96), 1)

    side = "up" if one.difference > 0 else "down"
    words = f"{points(one.difference, signed=True)}, 95 % interval {interval_text(one)}"
    middle = HEIGHT / 2
    parts = [f'<line class="zero" x1="{WIDTH / 2}" x2="{WIDTH / 2}" y1="0" y2="{HEIGHT}"/>']
    if not isnan(one.low):
        parts.append(
            f'<line class="{side}" x1="{x(one.low)}" x2="{x(one.high)}" y1="{middle}" '
            f'y2="{middle}"/>'
        )
    if not isnan(one.difference):
        parts.append(f'<circle class="{side}" cx="{x(one.difference)}" cy="{middle}" r="4"/>')
    return Markup(
        f'<svg class="difference" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f"<title>{escape(words)}</title>{''.join(parts)}</svg>"
    )
