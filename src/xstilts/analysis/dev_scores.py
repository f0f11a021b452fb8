"""Dev scores of each intermediate setting on each target."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import partial

from xstilts.analysis.results import facts_in, states_of
from xstilts.analysis.run_states import FAILED, RunState
from xstilts.config.split_slices import parse_split_slice
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.metrics import METRICS
from xstilts.metrics.mining_f1 import MiningResult
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.shared_rows import share_examples
from xstilts.stages.io.bitext import pairs_by_sentence, partners_of
from xstilts.stages.io.rows import PREDICTIONS, read_rows
from xstilts.stages.prepare import ROWS


@dataclass
class DevScores:
    """The dev scores of one setting for one target.

    Args:
        scores: key of the stage that gave it → score: a training's for each seed; for mining
            that of each language and seed.
        shown: whether these are the scores that tables show: choosing by them favours the setting.
        states: `DIVERGED`, `COLLAPSED`, or `PARTIAL` where a score is not there yet.
        seeds: key as in `scores` → the seeds whose runs the score is of.
    """

    shown: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    states: set[RunState] = field(default_factory=set)
    seeds: dict[str, set[int]] = field(default_factory=dict)

    @property
    def score(self) -> float:
        """Their mean; NaN where a run went wrong or a score is missing."""
        return self._mean(self.scores.values())

    def score_without(self, seed: int) -> float:
        """The mean of those that a seed's runs have no part in; NaN as `score`, or without any."""
        return self._mean([one for key, one in self.scores.items() if seed not in self.seeds[key]])

    def _mean(self, scores: Collection[float]) -> float:
        return sum(scores) / len(scores) if scores and not self.states else float("nan")


AllDevScores = Mapping[tuple[str, str, str], DevScores]
"""(encoder, target, setting) → its dev scores; targets without dev are absent."""


def dev_scores(compiled: CompiledPlan, store: Store) -> AllDevScores:
    """The dev scores for all targets that have any.

    Those of a trained target are what its own training (phase 3) scored on dev, in the language
    that it is trained on. Those of mined pairs are the best F1 on the dev split.
    """
    found: dict[tuple[str, str, str], DevScores] = {}
    facts = facts_in(store)
    for cell in compiled.cells:
        score = compiled.plan.by_key[cell.key]
        source = _source(cell, score)
        if source is None:
            continue
        dev = found.setdefault((cell.encoder, cell.target, cell.intermediate), DevScores())
        dev.shown |= source.stages == (cell.key,) or _sees_evaluated(cell, compiled.plan)
        if failed := FAILED & states_of(cell, facts):
            dev.states |= failed
        elif not all(map(store.get_finished, source.stages)):
            dev.states.add(RunState.PARTIAL)
        elif (score_on_dev := source.read(store)) is not None:
            key = "".join(source.stages)
            dev.scores[key] = score_on_dev
            dev.seeds.setdefault(key, set()).add(cell.seed)
    return {place: dev for place, dev in found.items() if dev.scores or dev.states}


def _sees_evaluated(cell: ResultCell, plan: Plan) -> bool:
    """Whether the cell's own examples are those that its training chose a checkpoint by."""
    rows = plan.by_key[cell.key].inputs.get("rows")
    if rows is None or not cell.trained_by:
        return False
    training = plan.by_key[cell.trained_by[-1]]
    looked = (key for role, key in training.inputs.items() if role.startswith("dev:"))
    return any(share_examples(plan.by_key[key], plan.by_key[rows]) for key in looked)


@dataclass(frozen=True)
class _Source:
    """Where a dev score is written: in the artifacts of these stages."""

    stages: tuple[str, ...]
    read: Callable[[Store], float | None]


def _source(cell: ResultCell, score: Stage) -> _Source | None:
    search = FORMATS.get(score.params["format"]).search
    if search is None or cell.target_trainings:
        if not cell.trained_by:  # a model that was trained elsewhere
            return None
        trained = cell.trained_by[-1]
        return _Source((trained,), partial(_trained, trained))
    if not search.tunes_threshold:
        return None
    if "tuning:predictions" in score.inputs:
        names = ("rows:here", "rows:english", "predictions")
        here, english, found = (score.inputs[f"tuning:{name}"] for name in names)
        return _Source((here, english, found), partial(_mined, here, english, found))
    if parse_split_slice(cell.split).split == "dev":
        return _Source((cell.key,), partial(_scored, cell.key, cell.metrics[0]))
    return None


def _trained(key: str, store: Store) -> float | None:
    found = store.artifact(key).facts.get("dev_mean")
    return None if found is None else float(found)


def _scored(key: str, metric: str, store: Store) -> float:
    return float(store.artifact(key).facts["scores"][metric]["value"])


def _mined(here: str, english: str, predictions: str, store: Store) -> float:
    ids, gold = partners_of(*(read_rows(store.read(key, ROWS)) for key in (here, english)))
    metric = METRICS.get("mining_f1_best")
    mined = read_rows(store.read(predictions, PREDICTIONS))
    found = MiningResult(pairs_by_sentence(mined, ids))
    return float(metric.value(metric.statistics(gold, found, "").sum(0)))
