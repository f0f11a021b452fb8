"""`choose-recipe`: the recipe values whose trial trainings score best on dev."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xstilts.core.artifact import Artifact
from xstilts.core.atomic_io import write_json
from xstilts.core.errors import DataError
from xstilts.stages.base import DIVERGED, StageContext

CHOICE = "choice.json"
RECIPE = "recipe"
"""Role of the choice in the inputs of the trainings that use it."""
COLLAPSED = "collapsed"


@dataclass(frozen=True)
class TrialScore:
    """The dev scores of one combination of values.

    Args:
        values: field of the recipe → value.
        dev: mean of `dev_by_seed`; None if a run of it failed, or has no score.
        dev_by_seed: search seed → mean of the tasks' main metrics on dev, from 0 to 1.
        failed: `diverged` or `collapsed` if a run of it has; such a combination is not chosen.
        steps: optimizer steps of all its runs.
    """

    values: Mapping[str, Any]
    dev: float | None
    dev_by_seed: Mapping[str, float | None]
    failed: str = ""
    steps: int = 0


def trial_role(number: int, seed: int) -> str:
    """Role of a trial's training in the inputs of the choice."""
    return f"trial:{number}:{seed}"


def run(context: StageContext) -> dict[str, Any]:
    """Write `choice.json`: the chosen values, and the dev scores of every trial.

    The combination with the highest mean over the search seeds is chosen, the first of equals.
    Facts: chosen, dev, trainings, steps. The seconds of the trainings are in the notes.

    Raises:
        DataError: every combination diverged, collapsed or has no dev score.
    """
    seeds: list[int] = context.params["seeds"]
    trials = [
        trial_score(
            values, {seed: context.inputs[trial_role(number, seed)].facts for seed in seeds}
        )
        for number, values in enumerate(context.params["trials"])
    ]
    best = best_trial(trials)
    if best is None:
        raise DataError(
            f"no trial can be chosen ({_failures(trials)})",
            todo="search other values, such as lower learning rates, or set `checkpoint: best` "
            "and a labelled dev set",
        )
    facts = {
        "chosen": dict(trials[best].values),
        "dev": trials[best].dev,
        "trainings": len(context.inputs),
        "steps": sum(trial.steps for trial in trials),
    }
    record = {**facts, "trial": best, "seeds": seeds, "trials": [asdict(one) for one in trials]}
    write_json(context.folder / CHOICE, record)
    seconds = sum(artifact.seconds for artifact in context.inputs.values())
    context.notes.append(f"{len(context.inputs)} trainings took {seconds:.0f} s")
    return facts


def trial_score(values: Mapping[str, Any], facts: Mapping[int, Mapping[str, Any]]) -> TrialScore:
    """The dev scores of one combination, by the facts of its trainings: search seed → facts."""
    failures = [
        name for name in (DIVERGED, COLLAPSED) if any(known.get(name) for known in facts.values())
    ]
    scores = {str(seed): _dev_score(known) for seed, known in facts.items()}
    usable = [score for score in scores.values() if score is not None]
    complete = not failures and len(usable) == len(scores)
    return TrialScore(
        values,
        round(sum(usable) / len(usable), 6) if complete else None,
        scores,
        failures[0] if failures else "",
        sum(known.get("steps", 0) for known in facts.values()),
    )


def best_trial(trials: Sequence[TrialScore]) -> int | None:
    """The number of the trial with the highest dev score, the first of equals; None without any."""
    scored = {number: one.dev for number, one in enumerate(trials) if one.dev is not None}
    return max(scored, key=lambda number: scored[number], default=None)


def chosen_values(choice: Artifact) -> Mapping[str, Any]:
    """Field of the recipe → the chosen value."""
    chosen: Mapping[str, Any] = json.loads(choice.read(CHOICE))["chosen"]
    return chosen


def _dev_score(facts: Mapping[str, Any]) -> float | None:
    """The mean dev score of a training; None if it diverged or was not scored."""
    score = facts.get("dev_mean")
    return None if score is None or not math.isfinite(score) else float(score)


def _failures(trials: Sequence[TrialScore]) -> str:
    reasons = [trial.failed or "no dev score" for trial in trials if trial.dev is None]
    return ", ".join(f"{reasons.count(name)} {name}" for name in dict.fromkeys(reasons))
