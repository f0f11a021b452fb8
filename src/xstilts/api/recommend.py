"""Rank candidate intermediate tasks for one encoder and target.

    xstilts.recommend("xnli", ["mnli", "squad-v1"], encoder="FacebookAI/xlm-roberta-base").table

`prepare_recommendation` returns the same in steps: what the measures need, computing them, and
the ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from xstilts.analysis.encoder_identity import name_of_source, with_published_names
from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.mixed_runs import caveats_of
from xstilts.analysis.results import facts_in
from xstilts.analysis.run_records import RunRecord, saved_records
from xstilts.api.handle import ExperimentHandle
from xstilts.api.inputs import AnyStore, load, open_store, with_own_tasks
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunKeywords, RunOptions
from xstilts.api.run_plans import has_todo, run_plans
from xstilts.core.errors import UnknownNameError
from xstilts.core.plan import Plan, StageStatus
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.metrics import METRICS
from xstilts.planning.compile import CompiledPlan
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.cost import calibration
from xstilts.planning.measures import MeasureRef, compile_measures
from xstilts.planning.remaining_cost import RemainingCost, remaining_costs
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.recommend import predict_gains
from xstilts.recommend.backtest import leave_one_target_out
from xstilts.recommend.known_gains import (
    DirectGains,
    direct_gains,
    known_gains,
    mixed_known_gains,
)
from xstilts.recommend.predict_gains import LOW_COST, KnownGains
from xstilts.recommend.request import MeasuredTasks, Request, make_request

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Recommendation:
    """Candidates ranked by predicted gain, and the evidence for it.

    Args:
        table: one row per candidate, the best first, see `recommend.predict_gains.Advice`; also
            `seconds` (in one process) and `operations` that remain for the candidate if the
            baseline is done.
        measures: of the candidates and this target, see `analysis.measures_table`.
        baseline: the remaining cost of the baseline.
        past: for this encoder's other targets, see `recommend.backtest.leave_one_target_out`.
        calibrated: whether seconds are calibrated by finished stages of this store.
        notes: of the gains behind it, those whose runs were computed differently; which tasks with
            known gains are not measured, and why.
    """

    encoder: str
    target: str
    table: pd.DataFrame
    measures: pd.DataFrame
    baseline: RemainingCost
    past: pd.DataFrame
    calibrated: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RecommendationRequest:
    """Candidates for a target, and the store whose results count.

    Args:
        request: the candidates and the target.
        measuring: whether low-cost measures are computed and used.
    """

    request: Request
    store: Store
    measuring: bool = True

    @cached_property
    def handle(self) -> ExperimentHandle:
        """The experiment that would train the candidates."""
        return ExperimentHandle(self.request.loaded, self.store)

    @cached_property
    def past(self) -> tuple[RunRecord, ...]:
        """The experiments that were run in the store, the newest last."""
        return tuple(
            replace(
                record,
                cells=with_published_names(record.compiled).cells,
            )
            for record in saved_records(self.store)
        )

    @property
    def _comparable(self) -> tuple[RunRecord, ...]:
        """The experiments with the same baseline: gains over different ones are not compared."""
        baseline = self.request.baseline
        return tuple(record for record in self.past if record.compiled.baseline == baseline)

    @cached_property
    def gains(self) -> pd.DataFrame:
        """All gains in the store, see `recommend.known_gains.known_gains`."""
        return known_gains(self._comparable, self.handle.snapshot)

    @cached_property
    def ratios(self) -> dict[str, float]:
        """Kind → measured over expected seconds, over all experiments of the store."""
        plan = Plan.of(stage for record in self.past for stage in record.plan.stages)
        return calibration(plan, plan.statuses(self.handle.snapshot))

    @cached_property
    def measured_tasks(self) -> MeasuredTasks:
        """What the low-cost measures are computed for."""
        return self.request.with_known_tasks(self.gains, self.handle.snapshot)

    @cached_property
    def low_cost(self) -> tuple[Plan, tuple[MeasureRef, ...]]:
        """The stages of the low-cost measures, and which stage holds which measure."""
        if not self.measuring:
            return Plan(()), ()
        stages, measured = compile_measures(self.measured_tasks.loaded, LOW_COST)
        return Plan.of(stages), measured

    @property
    def statuses(self) -> Mapping[str, StageStatus]:
        """Key → state of each stage of the measures."""
        return self.low_cost[0].statuses(self.handle.snapshot)

    @property
    def part(self) -> CompiledExperiment:
        """The stages of the measures; they have no cells."""
        return CompiledExperiment(self.request.loaded, CompiledPlan(self.low_cost[0], ()))

    def summary(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is done and what is to do for the measures."""
        return plan_summary(
            [self.part],
            self.handle.snapshot,
            options=options,
            statuses=self.statuses,
            ratios=self.ratios,
        )

    def measure(
        self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events
    ) -> RunResult:
        """Compute the measures that are missing; a ranking is made without those that fail.

        Raises:
            ConfigError: there is no folder for tasks that only files have.
            StoreError: the store cannot be written.
        """
        statuses = self.statuses
        try:
            return run_plans(
                [self.part],
                self.store,
                options,
                on_event,
                statuses=statuses,
                recorded=False,
                study=f"recommend-{self.request.target}",
            )
        finally:
            if has_todo(statuses):
                self.handle.refresh()

    def rank(self) -> Recommendation:
        """The ranking from the results and measures in the store."""
        now = self.handle.snapshot
        resolved, target = ResolvedExperiment(self.request.loaded), self.request.target
        encoder = name_of_source(resolved.source.params, resolved.encoder_name)
        names, languages = self.request.candidates, self.request.languages or None
        direct = direct_gains(self._comparable, now, (encoder, target), names, languages)
        measures = measures_table(self.low_cost[1], facts_in(now))
        lowest = METRICS.get(resolved.task(target).metrics[0]).lowest
        known = KnownGains(self.gains, measures, direct.gains, direct.failed, lowest)
        table = predict_gains.recommend(names, target, encoder, known)
        unmeasured = self.measured_tasks.notes if self.measuring else ()
        cost = remaining_costs(self.handle.compiled, self.handle.statuses, self.ratios)
        return Recommendation(
            encoder,
            target,
            table.assign(
                seconds=[cost[name].seconds for name in table["candidate"]],
                operations=[cost[name].operations for name in table["candidate"]],
            ),
            measures[measures["task"].isin(names) & measures["other"].isin(["", target])],
            cost[self.request.baseline],
            leave_one_target_out(self.gains[self.gains["encoder"] == encoder], measures),
            bool(self.ratios),
            (*self._mixed_notes(encoder, direct), *unmeasured),
        )

    def _mixed_notes(self, encoder: str, direct: DirectGains) -> tuple[str, ...]:
        """On the gains that a ranking for an encoder uses."""
        used = self.gains.loc[predict_gains.comparable_gains(self.gains, encoder)[0].index]
        known = mixed_known_gains(used, self._comparable, self.handle.snapshot)
        return caveats_of((*direct.mixed, *known))


def prepare_recommendation(
    target: str,
    candidates: Sequence[str],
    *,
    encoder: str | None = None,
    like: Path | str | None = None,
    languages: Sequence[str] = (),
    data: Path | str | None = None,
    store: AnyStore | None = None,
    measuring: bool = True,
) -> RecommendationRequest:
    """A recommendation in steps: `summary`, `measure`, `rank`. Arguments: see `recommend`."""
    base = load(like, encoder=encoder, data=data) if like else None
    folder = Path(data).expanduser().absolute() if data else None
    try:
        request = make_request(
            target, candidates, base, encoder=encoder, languages=languages, data=folder
        )
        ResolvedExperiment(request.loaded).encoder  # noqa: B018 - several are an error
        prepared = RecommendationRequest(request, open_store(store), measuring)
        prepared.handle.compiled  # noqa: B018 - names that do not exist are an error before anything runs
    except UnknownNameError as error:
        if like is None and error.kind == "task":
            with_own_tasks(error, "--like")
        raise
    return prepared


def recommend(
    target: str,
    candidates: Sequence[str],
    *,
    encoder: str | None = None,
    like: Path | str | None = None,
    languages: Sequence[str] = (),
    data: Path | str | None = None,
    store: AnyStore | None = None,
    measuring: bool = True,
    on_event: Listener = ignore_events,
    **options: Unpack[RunKeywords],
) -> Recommendation:
    """Rank candidate intermediate tasks by predicted gain on a target.

    Results on the target itself count first, then a model of the store's other gains and of
    low-cost measures (forward passes of the pretrained encoder), then the measures alone.

    Args:
        target: the target task.
        candidates: intermediate settings, such as `mnli` or `mnli+squad-v1`.
        encoder: a Hugging Face name or a folder; needed without `like`.
        like: an experiment's file or preset that gives encoder, recipes, limits and tasks; by
            default recipes have their defaults and nothing is limited.
        languages: codes, of the target; all by default.
        data: the folder of the user's files.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        measuring: compute the low-cost measures that are missing, and use them.
        on_event: called with every event, in this process.
        options: workers, devices and the others of `run`.

    Raises:
        ConfigError: no encoder, or names that do not exist or do not fit together.
        StoreError: the store cannot be written.
    """
    prepared = prepare_recommendation(
        target,
        candidates,
        encoder=encoder,
        like=like,
        languages=languages,
        data=data,
        store=store,
        measuring=measuring,
    )
    run_options = RunOptions(**options)
    if prepared.summary(run_options).todo:
        prepared.measure(run_options, on_event)
    return prepared.rank()
