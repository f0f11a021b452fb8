"""Mean gains over targets, and what they were not taken over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from xstilts.claims.evidence import Body
from xstilts.claims.verdict import Decision, Drawn, Found, Measure, mean_of, untestable

Choice = Literal["singles", "mixture"] | dict[str, tuple[str, ...]]
"""Which intermediate settings: all of one task, the widest mixture, or name → settings of which
the first that the experiment has is taken."""
PRESETS = "the presets phang-2020 and mini-xtreme are such grids"


@dataclass(frozen=True)
class Average:
    """A mean over targets, and the targets that it is over."""

    effect: Drawn
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Chosen:
    """The settings that a check is about.

    Args:
        settings: name in the claim → the experiment's setting.
        lacking: see `Found.lacking`.
    """

    settings: Mapping[str, str]
    lacking: tuple[str, ...] = ()


def choose(body: Body, tasks: Choice, of: int | None, label: str = "") -> Chosen:
    """The experiment's settings among those asked for.

    Args:
        of: how many tasks the claim was published about.
    """
    if tasks == "mixture":
        name = max(body.mixtures, key=lambda one: len(body.mixtures[one]), default=None)
        count = len(body.mixtures[name]) if name else 0
        found = {label or "mixture": name} if name else {}
        return Chosen(found, _few(count, of, "tasks in the mixture"))
    if tasks == "singles":
        return Chosen({name: name for name in body.singles}, _few(len(body.singles), of, "tasks"))
    first = {
        name: next((one for one in options if one in body.settings), "")
        for name, options in tasks.items()
    }
    found = {name: setting for name, setting in first.items() if setting}
    return Chosen(found, _few(len(found), len(tasks), "tasks"))


def _few(count: int, of: int | None, what: str) -> tuple[str, ...]:
    return (f"{count} of {of} {what}",) if of and count < of else ()


def average(body: Body, setting: str, targets: Iterable[str]) -> Average | None:
    """The mean gain over the targets that the setting has a sound gain on."""
    known = {target: body.gain(target, setting) for target in targets}
    return _mean({target: gain for target, gain in known.items() if gain})


def difference(body: Body, one: str, other: str, targets: Iterable[str]) -> Average | None:
    """How much more a setting gains than another, over the targets that both have."""
    known = {}
    for target in targets:
        ours, theirs = body.gain(target, one), body.gain(target, other)
        if ours and theirs:
            known[target] = ours - theirs
    return _mean(known)


def _mean(known: Mapping[str, Drawn]) -> Average | None:
    return Average(mean_of(list(known.values())), tuple(known)) if known else None


def found(
    body: Body,
    decision: Decision,
    measures: Sequence[Measure],
    settings: Collection[str],
    wanted: Sequence[str],
    used: Collection[str],
) -> Found:
    """The decision with what must be known of it.

    Args:
        wanted: the targets that the claim is about; `used`: those that it was judged on.
    """
    there = [target for target in wanted if target in used]
    lacking = _few(len(there), len(wanted), "targets")
    if any(target in body.stand_ins for target in there):
        lacking += ("not on whole test splits",)
    keys = dict.fromkeys(key for target in there for key in body.keys(target, settings))
    seeds = {cell.seed for cell in body.cells}
    caveats = body.gains.among(settings, wanted).caveats()
    if len(seeds) == 1:
        caveats += ("One seed: intervals are over test examples alone.",)
    if ways := [body.ways[target] for target in there if target in body.ways]:
        caveats += (f"Of several layers and poolings, judged: {', '.join(ways)}.",)
    return Found(
        decision.verdict,
        decision.why,
        tuple(measures),
        decision.favour,
        lacking,
        caveats,
        tuple(keys),
    )


def nothing_for(body: Body, what: str, targets: Sequence[str]) -> Found:
    """No gains to judge by, what would have to be run, and what was left out."""
    why = f"needs the baseline and {what}, sound and finished, on {', '.join(targets)}: {PRESETS}"
    return untestable(why).with_caveats(body.gains.among(body.settings, targets).caveats())
