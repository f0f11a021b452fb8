"""What must run for a study: the experiment as written, its variants, and measures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain

from xstilts.analysis.exclusions import Exclusion, exclusion_texts
from xstilts.analysis.layer_sweeps import task_of
from xstilts.analysis.results import facts_in, results_frame
from xstilts.config.load import LoadedExperiment
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.planning.compiled_experiment import CompiledExperiment
from xstilts.planning.measures import MeasureRef, compile_measures
from xstilts.studies.base import OWN, Evidence, Study
from xstilts.studies.prospects import Prospect
from xstilts.studies.study_data import gains_in, single_tasks


@dataclass(frozen=True)
class StudyPlan:
    """What a study reads, compiled.

    Args:
        parts: `OWN`, first, and the variants' names → experiment and stages.
        measures: the stages of the measures; they have no cells.
        notes: what people must know of the plan.
        prospects: which questions can be answered at all; empty if the study does not say.
    """

    study: Study
    parts: Mapping[str, CompiledExperiment]
    measures: CompiledPlan
    measured: tuple[MeasureRef, ...]
    notes: tuple[str, ...] = ()
    prospects: tuple[Prospect, ...] = ()

    @property
    def loaded(self) -> LoadedExperiment:
        """The experiment as written."""
        return self.parts[OWN].loaded

    def __iter__(self) -> Iterator[CompiledExperiment]:
        """The experiments whose stages run as one plan, the one as written first."""
        yield from self.parts.values()
        yield CompiledExperiment(self.loaded, self.measures)

    def evidence(self, store: Store) -> Evidence:
        """The results that a store has so far."""
        cells = {name: part.compiled.cells for name, part in self.parts.items()}
        return Evidence(
            loaded=self.loaded,
            store=store,
            cells=cells,
            results={name: results_frame(each, store) for name, each in cells.items()},
            measured=self.measured,
            facts=facts_in(store),
        )

    def without_excluded(self, evidence: Evidence) -> StudyPlan:
        """What can be answered without the tasks that results so far exclude.

        These have no gain, whatever else runs; notes name them if they make a difference.
        """
        excluded = {name: _without_gain(evidence, name) for name in self.parts}
        plans = {name: _without(part.compiled, excluded[name]) for name, part in self.parts.items()}
        prospects = tuple(self.study.prospects(self.loaded, plans))
        if prospects == self.prospects:
            return self
        tasks = single_tasks(self.loaded)
        texts = (
            exclusion_texts(one for one in found if one.intermediate in tasks)
            for found in excluded.values()
        )
        notes = dict.fromkeys((*self.notes, *chain.from_iterable(texts)))
        return replace(self, prospects=prospects, notes=tuple(notes))


def _without_gain(evidence: Evidence, variant: str) -> tuple[Exclusion, ...]:
    found = gains_in(evidence, variant).exclusions
    return tuple(one for one in found if not one.has_gain)


def _without(compiled: CompiledPlan, excluded: Iterable[Exclusion]) -> CompiledPlan:
    """A plan without the cells of the settings that are excluded on a target."""
    left_out = {(one.intermediate, one.target) for one in excluded}
    cells = compiled.cells
    kept = (one for one in cells if (one.intermediate, task_of(one.target)) not in left_out)
    return replace(compiled, cells=tuple(kept))


def plan_study(
    study: Study, loaded: LoadedExperiment, compiled: CompiledPlan | None = None
) -> StudyPlan:
    """Everything that a study needs of an experiment, compiled without torch, weights or data.

    Args:
        compiled: the experiment's own plan, if it is known.

    Raises:
        ConfigError: names that do not exist or do not fit together.
    """
    own = compiled or compile_experiment(loaded)
    needs = study.needs(loaded)
    parts = {OWN: CompiledExperiment(loaded, own)}
    for name, variant in needs.variants.items():
        of_variant = _distinct_names(compile_experiment(variant), own, name)
        parts[name] = CompiledExperiment(variant, of_variant)
    stages, measured = compile_measures(loaded, needs.measures)
    plans = {name: part.compiled for name, part in parts.items()}
    prospects = tuple(study.prospects(loaded, plans))
    of_measures = CompiledPlan(Plan(stages), ())
    return StudyPlan(study, parts, of_measures, measured, needs.notes, prospects)


def _distinct_names(variant: CompiledPlan, own: CompiledPlan, name: str) -> CompiledPlan:
    """The variant with its name in the labels of the stages that only it has."""
    stages = (
        stage if stage.key in own.plan.by_key else replace(stage, label=f"{stage.label} [{name}]")
        for stage in variant.plan.stages
    )
    return replace(variant, plan=Plan(tuple(stages)))
