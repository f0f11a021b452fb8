"""One experiment in one store: compiled once, and every manifest read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xstilts.analysis.data_notes import with_data_notes
from xstilts.analysis.mixed_runs import MixedRuns, mixed_runs, with_mixed_runs
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_records import config_name, saved_records
from xstilts.api.inputs import AnyStore, load, open_store
from xstilts.api.plan_summary import PlanSummary, plan_summary
from xstilts.api.run_options import DEFAULT, RunOptions
from xstilts.api.run_plans import run_missing
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan, StageState, StageStatus
from xstilts.core.store import Store
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.executors.base import RunResult
from xstilts.executors.events import Listener, ignore_events
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment, encoders_of
from xstilts.planning.encoder_limits import check_lengths

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.encoders_compared import EncodersCompared
    from xstilts.analysis.gains import Gains
    from xstilts.analysis.language_intervals import LanguageInterval
    from xstilts.analysis.selection import SelectedSetting

FROM_STORE = (
    "snapshot", "statuses", "results", "noted_results", "run_gains", "gains",
    "language_intervals", "selected", "compared",
    "mixed_runs",
)  # fmt: skip
"""What a handle has read from its store."""
SCORES_READ_BY_PLAN = 5_000
"""Of more finished scores, `plan` does not read the variance between seeds."""


@dataclass(frozen=True, eq=False)
class ExperimentHandle:
    """An experiment and its results in a store; everything is computed lazily, once.

    `refresh` makes it read the store again.
    """

    loaded: LoadedExperiment
    store: Store

    @cached_property
    def compiled(self) -> CompiledPlan:
        """The plan, with the stages of earlier runs if these differ.

        Raises:
            ConfigError: names that do not exist or do not fit together.
        """
        compiled = compile_experiment(self.loaded)
        return with_history(compiled, self.loaded.experiment.name, self.store)

    @property
    def part(self) -> CompiledExperiment:
        """The experiment with its plan, to be run together with other experiments."""
        return CompiledExperiment(self.loaded, self.compiled)

    @cached_property
    def snapshot(self) -> StoreSnapshot:
        """The store for reading."""
        return StoreSnapshot(self.store)

    @cached_property
    def statuses(self) -> Mapping[str, StageStatus]:
        """Key → state of each stage, in plan order."""
        return self.compiled.plan.statuses(self.snapshot)

    @cached_property
    def results(self) -> pd.DataFrame:
        """See `analysis.results.results_frame`."""
        return results_frame(self.compiled.cells, self.snapshot)

    @cached_property
    def noted_results(self) -> pd.DataFrame:
        """The results with notes on their data; see `analysis.data_notes.with_data_notes`."""
        return with_data_notes(self.results, self.snapshot)

    @cached_property
    def mixed_runs(self) -> list[MixedRuns]:
        """The compared runs that were computed differently; see `analysis.mixed_runs`."""
        return mixed_runs(self.compiled.cells, self.compiled.baseline, self.snapshot)

    @property
    def mixed_notes(self) -> list[str]:
        """The same in words."""
        return [mixed.text for mixed in self.mixed_runs]

    @cached_property
    def run_gains(self) -> Gains:
        """The gain of every run; see `analysis.gains`."""
        from xstilts.analysis.gains import compute_gains

        compiled = self.compiled
        return compute_gains(self.results, compiled.cells, compiled.baseline)

    @cached_property
    def gains(self) -> pd.DataFrame:
        """See `analysis.gain_table.gain_table`."""
        from xstilts.analysis.saved_gain_table import saved_gain_table

        run = config_name(self.loaded.experiment)
        table = saved_gain_table(
            self.results, self.run_gains, self.compiled.cells, self.snapshot, run
        )
        return with_mixed_runs(table, self.mixed_runs)

    @cached_property
    def language_intervals(self) -> list[LanguageInterval]:
        """See `analysis.language_intervals`."""
        from xstilts.analysis.saved_language_intervals import saved_language_intervals

        run = config_name(self.loaded.experiment)
        return saved_language_intervals(
            self.results, self.run_gains, self.compiled.cells, self.snapshot, run
        )

    @cached_property
    def selected(self) -> list[SelectedSetting]:
        """Each target's best setting; see `analysis.selection.select_settings`."""
        from xstilts.analysis.selection import select_settings

        return select_settings(self.compiled, self.snapshot, self.results, self.run_gains)

    @cached_property
    def compared(self) -> EncodersCompared | None:
        """The ranking of the encoders; None for one encoder."""
        if len(encoders_of(self.compiled)) < 2:
            return None
        from xstilts.analysis.encoders_compared import compare_encoders

        return compare_encoders(self.loaded, self.compiled, self.snapshot)

    def summary(self, options: RunOptions = DEFAULT) -> PlanSummary:
        """What is done and what is to do.

        Raises:
            ConfigError: no such device, or a `max_length` above the encoder's positions.
        """
        check_lengths([self.part], self.statuses)
        summary = plan_summary([self.part], self.snapshot, options=options, statuses=self.statuses)
        return replace(summary, power_notes=self._power_notes) if summary.todo else summary

    @property
    def _power_notes(self) -> tuple[str, ...]:
        """What the seeds cannot show, by the variance of finished scores if these are few."""
        from xstilts.analysis.seed_power import power_note, seed_power

        finished = sum(
            self.statuses[cell.key].state is StageState.DONE for cell in self.compiled.cells
        )
        gains = self.run_gains.table_so_far if 0 < finished <= SCORES_READ_BY_PLAN else None
        powers = seed_power(self.compiled.cells, gains, self.compiled.baseline)
        return tuple(filter(None, map(power_note, powers)))

    def run(self, options: RunOptions = DEFAULT, on_event: Listener = ignore_events) -> RunResult:
        """Run the stages that are not done; see `xstilts.run`."""
        return run_missing(
            [self.part],
            self.store,
            options,
            on_event,
            statuses=self.statuses,
            snapshot=self.snapshot,
            forget=self.refresh,
        )

    def refresh(self) -> None:
        """Forget what was read from the store; the plan stays."""
        for name in FROM_STORE:
            self.__dict__.pop(name, None)


AnyExperiment = ExperimentHandle | LoadedExperiment | Path | str
"""What every verb takes: a handle, a loaded experiment, a YAML file or a preset's name."""


def open_experiment(experiment: AnyExperiment, store: AnyStore | None = None) -> ExperimentHandle:
    """The handle of an experiment in a store; a handle itself if no store or its own is given.

    Raises:
        ConfigError: no such file or preset, or an invalid one.
    """
    if isinstance(experiment, ExperimentHandle):
        if store is None or open_store(store).root == experiment.store.root:
            return experiment
        experiment = experiment.loaded
    loaded = experiment if isinstance(experiment, LoadedExperiment) else load(experiment)
    return ExperimentHandle(loaded, open_store(store))


def with_history(compiled: CompiledPlan, name: str, store: Store) -> CompiledPlan:
    """A compiled plan with the stages of earlier runs of an experiment's name, if any is to do.

    A plan compares with these to say which parameters changed.
    """
    if set(store.keys()).issuperset(compiled.plan.by_key):
        return compiled
    history: dict[str, Any] = {}
    for record in saved_records(store, name):
        history |= {stage.label: stage.to_json() for stage in record.plan.stages}
    return replace(compiled, plan=Plan(compiled.plan.stages, history))
