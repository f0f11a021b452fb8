"""`recommend`: which intermediate tasks to pay for, for one encoder and target.

asked = ask("xnli", ["mnli", "squad-v1"], encoder="FacebookAI/xlm-roberta-base")
asked.measure()       one forward pass of the pretrained encoder over some texts of each task
asked.advise()        the ranking
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.results import facts_in
from xstilts.analysis.run_records import RunRecord, saved_records
from xstilts.api import experiment as api
from xstilts.config.intermediate import BASELINE
from xstilts.core.plan import Plan, StageState
from xstilts.core.store import Store, to_store_error
from xstilts.executors.events import Event
from xstilts.executors.local import LocalExecutor, RunResult
from xstilts.planning.compile import CompiledPlan, ResultCell, compile_experiment
from xstilts.planning.cost import calibration
from xstilts.planning.measures import MeasureRef, compile_measures
from xstilts.planning.remaining_cost import RemainingCost, remaining_costs
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.validate import check_folder
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
        return known_gains(self.cells, self.store)

    @cached_property
    def ratios(self) -> dict[str, float]:
        """Kind → measured over expected seconds, over all that was run in the store."""
        plan = Plan.of(stage for one in self.past for stage in one.plan.stages)
        return calibration(plan, plan.standings(self.store))

    @cached_property
    def cheap(self) -> tuple[Plan, tuple[MeasureRef, ...]]:
        """The stages of the cheap measures, and where each is found."""
        if not self.measuring:
            return Plan(()), ()
        wide = self.wanted.with_known_tasks(self.gains, self.store)
        stages, measured = compile_measures(wide, LOW_COST)
        return Plan.of(stages), measured

    def outlook(self, workers: int | None = None) -> api.PlanSummary:
        """What is to do for the measures."""
        plan = self.cheap[0]
        standings = plan.standings(self.store)
        ratios = self.ratios
        seconds = {one.key: one.cost.seconds * ratios.get(one.kind, 1.0) for one in plan.stages}
        todo = [one for one in plan.stages if standings[one.key].state is StageState.TODO]
        return api.PlanSummary(
            CompiledPlan(plan, ()),
            standings,
            seconds,
            seconds=sum(seconds[one.key] for one in todo) / (workers or api.default_workers()),
            bytes=sum(one.cost.bytes for one in todo),
            free_bytes=self.store.free_bytes(),
            measured=bool(ratios),
            operations=sum(one.cost.operations for one in todo),
            supplies=(),
        )

    def measure(
        self, *, workers: int | None = None, listen: Callable[[Event], None] = lambda _: None
    ) -> RunResult:
        """Take the cheap measures that are missing; what fails is missing from the advice.

        Raises:
            ConfigError: there is no folder for tasks that only files have.
            StoreError: the store cannot be written.
        """
        check_folder(ResolvedExperiment(self.wanted.loaded))
        self.store.prepare()
        try:
            self.store.cleanup()
            executor = LocalExecutor(self.store, workers=workers or api.default_workers())
            return executor.run(self.cheap[0], listen)
        except OSError as error:  # the workers' own are told by the workers
            raise to_store_error(error, self.store.root) from error

    def advise(self) -> Recommendation:
        """The ranking from what there is so far."""
        encoder, target = ResolvedExperiment(self.wanted.loaded).source.name, self.wanted.target
        names, languages = self.wanted.candidates, self.wanted.languages or None
        direct = direct_gains(self.cells, self.store, (encoder, target), names, languages)
        measures = measures_table(self.cheap[1], facts_in(self.store))
        known = KnownGains(self.gains, measures, direct.gains, direct.failed)
        table = recommend(names, target, encoder, known)
        plan = self.compiled.plan
        cost = remaining_costs(self.compiled, plan.standings(self.store), self.ratios)
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
    store: Store | Path | str | None = None,
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
    base = api.load(like, encoder=encoder, data=data) if like else None
    place = Path(data).expanduser().absolute() if data else None
    question = make_request(
        target, candidates, base, encoder=encoder, languages=languages, data=place
    )
    asked = RecommendationRequest(question, api.open_store(store), measuring)
    asked.compiled  # noqa: B018 - complain before anything is run
    return asked
