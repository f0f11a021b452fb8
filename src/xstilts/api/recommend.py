"""`recommend`: which intermediate tasks to pay for, for one encoder and target.

asked = ask("xnli", ["mnli", "squad-v1"], encoder="FacebookAI/xlm-roberta-base")
asked.measure()       one forward pass of the pretrained encoder over some texts of each task
asked.advise()        the ranking
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.results import facts_in
from xstilts.analysis.run_records import RunRecord, saved_records
from xstilts.api.load import AnyStore, load, open_store
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunOptions
from xstilts.api.run_plans import run_plans
from xstilts.config.intermediate import BASELINE
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.planning.compile import CompiledPlan, ResultCell, compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.cost import calibration
from xstilts.planning.measures import MeasureRef, compile_measures
from xstilts.planning.remaining_cost import RemainingCost, remaining_costs
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.recommend.backtest import leave_one_target_out
from xstilts.recommend.known_gains import direct_gains, known_gains
from xstilts.recommend.predict import LOW_COST, KnownGains, recommend
from xstilts.recommend.request import Request, make_request

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Recommendation:
    """The advice and what it stands on.

    Args:
        table: see `studies.recommend.Advice`; also `seconds` (in one process) and `operations` of
            what is still to do for a candidate beside the baseline.
        measures: of the candidates and this target, see `studies.measured.measures_table`.
        baseline: what is still to do for the baseline, once.
        past: for this encoder's other targets, see `studies.hindsight.leave_one_target_out`.
        calibrated: whether seconds are measured in this store.
    """

    encoder: str
    target: str
    table: pd.DataFrame
    measures: pd.DataFrame
    baseline: RemainingCost
    past: pd.DataFrame
    calibrated: bool


@dataclass(frozen=True)
class RecommendationRequest:
    """A question to a store.

    Args:
        measuring: whether cheap measures are looked at.
    """

    wanted: Request
    store: Store
    measuring: bool = True

    @cached_property
    def compiled(self) -> CompiledPlan:
        """What it would take to know.

        Raises:
            ConfigError: names that do not exist or do not fit together.
        """
        return compile_experiment(self.wanted.loaded)

    @cached_property
    def before(self) -> StoreSnapshot:
        """The store before the measures are computed."""
        return StoreSnapshot(self.store)

    @cached_property
    def past(self) -> tuple[RunRecord, ...]:
        """The experiments that were run in the store, the newest last."""
        return tuple(saved_records(self.store))

    @property
    def cells(self) -> dict[str, tuple[ResultCell, ...]]:
        """Theirs, by name."""
        return {one.name: one.cells for one in self.past}

    @cached_property
    def gains(self) -> pd.DataFrame:
        """What the store knows, see `studies.experience.known_gains`."""
        return known_gains(self.cells, self.before)

    @cached_property
    def ratios(self) -> dict[str, float]:
        """Kind → measured over expected seconds, over all that was run in the store."""
        plan = Plan.of(stage for one in self.past for stage in one.plan.stages)
        return calibration(plan, plan.standings(self.before))

    @cached_property
    def cheap(self) -> tuple[Plan, tuple[MeasureRef, ...]]:
        """The stages of the cheap measures, and where each is found."""
        if not self.measuring:
            return Plan(()), ()
        wide = self.wanted.with_known_tasks(self.gains, self.store)
        stages, measured = compile_measures(wide, LOW_COST)
        return Plan.of(stages), measured

    @property
    def part(self) -> CompiledExperiment:
        """The stages of the measures; they have no cells."""
        return CompiledExperiment(self.wanted.loaded, CompiledPlan(self.cheap[0], ()))

    def outlook(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is to do for the measures."""
        return plan_summary([self.part], self.store, options=options, ratios=self.ratios)

    def measure(
        self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events
    ) -> RunResult:
        """Compute the measures that are missing; a ranking is made without those that fail.

        Raises:
            ConfigError: there is no folder for tasks that only files have.
            StoreError: the store cannot be written.
        """
        return run_plans([self.part], self.store, options, on_event, recorded=False)

    def advise(self) -> Recommendation:
        """The ranking from what there is so far."""
        now = StoreSnapshot(self.store)
        encoder, target = ResolvedExperiment(self.wanted.loaded).source.name, self.wanted.target
        names, languages = self.wanted.candidates, self.wanted.languages or None
        direct = direct_gains(self.cells, now, (encoder, target), names, languages)
        measures = measures_table(self.cheap[1], facts_in(now))
        known = KnownGains(self.gains, measures, direct.gains, direct.failed)
        table = recommend(names, target, encoder, known)
        plan = self.compiled.plan
        cost = remaining_costs(self.compiled, plan.standings(now), self.ratios)
        return Recommendation(
            encoder,
            target,
            table.assign(
                seconds=[cost[name].seconds for name in table["candidate"]],
                operations=[cost[name].operations for name in table["candidate"]],
            ),
            measures[measures["task"].isin(names) & measures["other"].isin(["", target])],
            cost[BASELINE],
            leave_one_target_out(self.gains[self.gains["encoder"] == encoder], measures),
            bool(self.ratios),
        )


def prepare_recommendation(
    target: str,
    candidates: Sequence[str],
    *,
    encoder: str | None = None,
    like: str | None = None,
    languages: Sequence[str] = (),
    data: Path | str | None = None,
    store: AnyStore | None = None,
    measuring: bool = True,
) -> RecommendationRequest:
    """A question about candidates for a target: to be looked at, measured, and answered.

    Args:
        candidates: intermediate settings.
        like: an experiment's file or preset to take encoder, recipes, limits and tasks from; by
            default recipes are the default ones, and nothing is limited.
        languages: of the target; all by default.

    Raises:
        ConfigError: no encoder, or names that do not exist or do not fit together.
    """
    base = load(like, encoder=encoder, data=data) if like else None
    place = Path(data).expanduser().absolute() if data else None
    question = make_request(
        target, candidates, base, encoder=encoder, languages=languages, data=place
    )
    asked = RecommendationRequest(question, open_store(store), measuring)
    asked.compiled  # noqa: B018 - complain before anything is run
    return asked
