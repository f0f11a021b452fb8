"""Checks of how an experiment is set up: they read its plan and what of it has scores.

They show how much of a description the experiment meets, and say nothing of results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from xstilts.claims.evidence import ExperimentEvidence
from xstilts.claims.mean_gains import choose
from xstilts.claims.subject import Subject
from xstilts.claims.verdict import Check, CheckResult, ScopeGap, SetupMatch
from xstilts.config.base import ConfigModel
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.planning.compile import ResultCell
from xstilts.tasks.shuffled_labels import is_control


@dataclass(frozen=True)
class SetupPart:
    """One part of a description.

    Args:
        words: what the experiment has of it.
        met, of: how much of how much.
    """

    words: str
    met: int
    of: int = 1


def combine_parts(parts: Sequence[SetupPart], keys: Iterable[str] = ()) -> CheckResult:
    """Met if all parts hold, not met if none does, met in part otherwise."""
    full = all(part.met >= part.of for part in parts)
    none = not any(part.met for part in parts)
    match = SetupMatch.MET if full else SetupMatch.NOT_MET if none else SetupMatch.PARTLY_MET
    gaps = () if full else (ScopeGap(f"the description is {match}"),)
    words = "; ".join(part.words for part in parts)
    return CheckResult(match, words, missing=gaps, keys=tuple(dict.fromkeys(keys)))


def _scored(evidence: ExperimentEvidence) -> tuple[ResultCell, ...]:
    """The cells that have a score."""
    there = set(evidence.frame.loc[evidence.frame["value"].notna(), "key"])
    return tuple(cell for cell in evidence.cells if cell.key in there)


class EncoderCheck(ConfigModel):
    """`encoder`: the experiment starts from one of these."""

    names: tuple[str, ...] = Field(min_length=1)


def _encoder(params: EncoderCheck, evidence: ExperimentEvidence) -> CheckResult:
    met = evidence.encoder in params.names
    return combine_parts([SetupPart(f"the experiment starts from {evidence.encoder}", int(met))])


class PhasesCheck(ConfigModel):
    """`phases`: what comes before a score."""

    encoders: tuple[str, ...] = Field((), description="beginnings of names of masked LMs: phase 1")
    baseline: bool = Field(False, description="targets are trained straight from the encoder")
    intermediate: bool = Field(False, description="targets are trained after another task")


def _phases(params: PhasesCheck, evidence: ExperimentEvidence) -> CheckResult:
    cells = _scored(evidence)
    trained = [cell for cell in cells if cell.target_trainings]
    searched = [cell for cell in cells if cell not in set(trained)]
    parts = []
    if params.encoders:
        known = evidence.encoder.rpartition("/")[2].startswith(params.encoders)
        kind = "a public masked language model" if known else "not known as a plain masked LM"
        parts.append(SetupPart(f"phase 1: {evidence.encoder}, {kind}", int(known)))
    used: list[ResultCell] = []
    untrained = evidence.baseline == NO_INTERMEDIATE
    start = "straight from the encoder" if untrained else f"after the baseline {evidence.baseline}"
    for wanted, settings, how in (
        (params.baseline, {evidence.baseline}, start),
        (params.intermediate, evidence.settings.keys(), "after intermediate tasks"),
    ):
        if wanted:
            here = [cell for cell in trained if cell.intermediate in settings]
            straight = [cell for cell in searched if cell.intermediate in settings]
            parts.append(_trained_part(here, straight, how))
            used += here + straight
    return combine_parts(parts, [cell.key for cell in used])


def _trained_part(
    here: Sequence[ResultCell], straight: Sequence[ResultCell], how: str
) -> SetupPart:
    names = ", ".join(dict.fromkeys(cell.target for cell in here)) or "no target"
    words = f"{names} trained {how}"
    if straight:
        searched = ", ".join(dict.fromkeys(cell.target for cell in straight))
        words += f"; without training data, scored as they are: {searched}"
    return SetupPart(words, int(bool(here)))


class MultitaskCheck(ConfigModel):
    """`multitask`: one setting trains on all intermediate tasks at once."""

    of: int | None = None


def _multitask(params: MultitaskCheck, evidence: ExperimentEvidence) -> CheckResult:
    chosen = choose(evidence, "mixture", params.of)
    if not chosen.settings:
        return combine_parts([SetupPart("no setting mixes intermediate tasks", 0)])
    name = next(iter(chosen.settings.values()))
    tasks = evidence.mixtures[name]
    wanted = max(
        params.of or 0, len({evidence.settings[name].name for name in evidence.singles} | tasks)
    )
    keys = [cell.key for cell in _scored(evidence) if cell.intermediate == name]
    text = f"{name} mixes {len(tasks)} of {wanted} tasks" + ("" if keys else ", without scores")
    return combine_parts([SetupPart(text, len(tasks) if keys else 0, wanted)], keys)


class TasksComparedCheck(ConfigModel):
    """`tasks`: the number of single English intermediate tasks with scores."""

    count: int = Field(gt=0)


def _tasks_compared(params: TasksComparedCheck, evidence: ExperimentEvidence) -> CheckResult:
    scored = {cell.intermediate: cell for cell in _scored(evidence)}
    names = [
        name for name in evidence.singles if name in scored and _is_english(scored[name], evidence)
    ]
    words = f"{len(names)} of {params.count}: {', '.join(names) or 'none'}"
    keys = [cell.key for cell in _scored(evidence) if cell.intermediate in names]
    return combine_parts([SetupPart(words, min(len(names), params.count), params.count)], keys)


def _is_english(cell: ResultCell, evidence: ExperimentEvidence) -> bool:
    return evidence.trainings[cell.trained_by[0]].languages == {"en"}


class CoversCheck(ConfigModel):
    """`covers`: the intermediate tasks include one of each kind."""

    kinds: dict[str, tuple[str, ...]] = Field(
        min_length=1, description="kind → names of tasks or `format FORMAT`"
    )


def _covers(params: CoversCheck, evidence: ExperimentEvidence) -> CheckResult:
    names = {cell.intermediate for cell in _scored(evidence)} & evidence.settings.keys()
    tasks = {
        task for name in names for task in evidence.settings[name].tasks if not is_control(task)
    }
    parts = []
    for kind, wanted in params.kinds.items():
        having = sorted(
            task for task in tasks if {task, f"format {evidence.formats.get(task)}"} & {*wanted}
        )
        parts.append(SetupPart(f"{kind}: {', '.join(having) or 'none'}", int(bool(having))))
    return combine_parts(parts)


class LanguagesCheck(ConfigModel):
    """`languages`: the numbers of evaluated targets and languages."""

    targets: tuple[str, ...] = Field(min_length=1)
    count: int = Field(gt=0)


def _languages(params: LanguagesCheck, evidence: ExperimentEvidence) -> CheckResult:
    cells = [cell for cell in _scored(evidence) if cell.target in params.targets]
    targets = [name for name in params.targets if name in {cell.target for cell in cells}]
    codes = {cell.language for cell in cells}
    parts = [
        SetupPart(
            f"{len(targets)} of {len(params.targets)} targets", len(targets), len(params.targets)
        ),
        SetupPart(f"{len(codes)} of {params.count} languages", len(codes), params.count),
    ]
    return combine_parts(parts, [cell.key for cell in cells])


def _once_scored(
    params: type[ConfigModel], judge: Callable[[Any, ExperimentEvidence], CheckResult]
) -> Check:
    """A check of the set-up that says nothing of an experiment without any score."""

    def judged(given: Any, evidence: ExperimentEvidence) -> CheckResult:
        if not _scored(evidence):
            return CheckResult(SetupMatch.UNKNOWN, "needs scores: run the experiment")
        return judge(given, evidence)

    return Check(params, judged, Subject.SETUP)


ENCODER = _once_scored(EncoderCheck, _encoder)
PHASES = _once_scored(PhasesCheck, _phases)
MULTITASK = _once_scored(MultitaskCheck, _multitask)
TASKS_COMPARED = _once_scored(TasksComparedCheck, _tasks_compared)
COVERS = _once_scored(CoversCheck, _covers)
LANGUAGES = _once_scored(LanguagesCheck, _languages)
