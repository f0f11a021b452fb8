"""The results of one experiment as evidence for claims.

Gains are compared within an experiment only: there they have one baseline, one recipe and one set
of test examples. An experiment has one encoder, so encoders are never mixed either.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from xstilts.analysis.example_scores import ExampleScores, example_scores
from xstilts.analysis.gain_bootstrap import bootstrap_gains
from xstilts.analysis.gains import ENGLISH, Gains, compute_gains
from xstilts.analysis.held_out_selection import HeldOutSelection, select_by_other_seeds
from xstilts.analysis.layer_sweeps import default_layers
from xstilts.analysis.mixed_runs import MixedRuns, mixed_gains
from xstilts.analysis.results import results_frame
from xstilts.claims.verdict import BootstrapEffect
from xstilts.config.intermediate import (
    NO_INTERMEDIATE,
    IntermediateSetting,
    mixture_name,
    parse_setting,
)
from xstilts.core.store import Store
from xstilts.formats import FORMATS
from xstilts.metrics import METRICS
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.statistics.bootstrap import DRAWS
from xstilts.tasks.shuffled_labels import has_control, is_control


@dataclass(frozen=True)
class TrainedSetting:
    """What one training stage trains on.

    Args:
        formats: task → its format.
        languages: of the training data.
    """

    formats: Mapping[str, str]
    languages: frozenset[str]


@dataclass(frozen=True)
class ExperimentEvidence:
    """An experiment's results so far.

    Args:
        frame: see `analysis.results.results_frame`.
        outcomes: target → each example's statistics, English left out; see
            `analysis.example_scores`.
        selections: each target's best settings among those without the target's own data, one
            for each seed; see `analysis.held_out_selection`.
        trainings: key → what is trained there.
        stand_ins: target → what is evaluated, where that is not its whole test split.
        baseline: the setting that gains are over.
        ways: target → layer and pooling of its vectors, where the experiment has several.
        mixed: the gains whose runs were computed differently.
    """

    experiment: str
    encoder: str
    cells: tuple[ResultCell, ...]
    frame: pd.DataFrame
    outcomes: Callable[[str], Sequence[ExampleScores]] = lambda _: ()
    selections: Sequence[HeldOutSelection] = ()
    trainings: Mapping[str, TrainedSetting] = field(default_factory=dict)
    stand_ins: Mapping[str, str] = field(default_factory=dict)
    ways: Mapping[str, str] = field(default_factory=dict)
    draws: int = DRAWS
    baseline: str = NO_INTERMEDIATE
    mixed: tuple[MixedRuns, ...] = ()

    @cached_property
    def gains(self) -> Gains:
        """The gains that may be compared, and what was left out of them."""
        return replace(compute_gains(self.frame, self.cells, self.baseline), mixed=self.mixed)

    @cached_property
    def settings(self) -> dict[str, IntermediateSetting]:
        """Name → what it adds to the baseline, in the order of the cells.

        Settings that add nothing to the baseline, or do not begin with it, are left out.
        """
        baseline = parse_setting(self.baseline)
        names = dict.fromkeys(cell.intermediate for cell in self.cells)
        added = {name: parse_setting(name).after(baseline) for name in names}
        return {name: setting for name, setting in added.items() if setting and setting.chain}

    @cached_property
    def named(self) -> dict[str, str]:
        """What is added to the baseline, as claims name it → the setting that adds it."""
        return {added.name: name for name, added in self.settings.items()}

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """Every target of its cells."""
        return tuple(dict.fromkeys(cell.target for cell in self.cells))

    @cached_property
    def formats(self) -> dict[str, str]:
        """Every task that is trained → its format."""
        return {task: form for one in self.trainings.values() for task, form in one.formats.items()}

    def _is_text(self, task: str) -> bool:
        """Whether a trained task is running text, without gold answers."""
        return task in self.formats and FORMATS.get(self.formats[task]).gold is None

    @property
    def singles(self) -> tuple[str, ...]:
        """Settings of one task and its own training data; running text and controls are none."""
        return tuple(
            name
            for name, setting in self.settings.items()
            if setting.name in setting.tasks
            and not self._is_text(setting.name)
            and not is_control(setting.name)
        )

    @property
    def mixtures(self) -> dict[str, frozenset[str]]:
        """Settings of several tasks at once, in the tasks' own language → the tasks."""
        return {
            name: setting.tasks
            for name, setting in self.settings.items()
            if len(setting.chain) == 1
            and len(setting.tasks) > 1
            and not any(part.languages for part in setting.parts)
            and not any(map(self._is_text, setting.tasks))
            and not any(map(is_control, setting.tasks))
        }

    def plain(self, setting: IntermediateSetting, *, text: bool) -> str:
        """The setting's name without running text, or without its languages."""
        chain = [
            tuple(part for part in mixture if not self._is_text(part.task))
            if text
            else tuple(replace(part, languages=()) for part in mixture)
            for mixture in setting.chain
        ]
        return " > ".join(mixture_name(mixture) for mixture in chain if mixture)

    def gain(self, target: str, setting: str) -> BootstrapEffect | None:
        """The zero-shot gain on a target; none where it was left out or is not there."""
        return self._of_target(target).get(setting)

    def gain_by_seed(self, target: str, settings: Mapping[int, str]) -> BootstrapEffect | None:
        """The zero-shot gain on a target of a setting for each seed; none where one has none.

        Args:
            settings: every seed of the target, in their order → the setting of its runs.
        """
        gains = [gain for name in settings.values() if (gain := self.gain(target, name))]
        if len(gains) < len(settings) or any(gain.runs.shape[1] != len(settings) for gain in gains):
            return None
        here = self._zero_shot(target)
        runs = here[here["seed"].map(settings) == here["intermediate"]]
        value, base = runs.groupby("seed")[["gain", "baseline"]].mean().mean()
        columns = [gain.runs[:, column] for column, gain in enumerate(gains)]
        lowest = METRICS.get(here["metric"].iloc[0]).lowest
        return BootstrapEffect(
            float(value), np.stack(columns, axis=1), gains[0].n, lowest - base, 1.0 - base
        )

    def keys(self, target: str, settings: Collection[str]) -> tuple[str, ...]:
        """The score stages of these settings and the baseline, English left out."""
        wanted = {self.baseline, *settings}
        return tuple(
            cell.key
            for cell in self.cells
            if cell.target == target and cell.intermediate in wanted and cell.language != ENGLISH
        )

    @cached_property
    def _known(self) -> dict[str, dict[str, BootstrapEffect]]:
        return {}

    def _of_target(self, target: str) -> dict[str, BootstrapEffect]:
        if target not in self._known:
            self._known[target] = self._drawn(target)
        return self._known[target]

    def _zero_shot(self, target: str) -> pd.DataFrame:
        """The runs on a target whose gains may be compared, English left out."""
        table = self.gains.table
        return table[(table["target"] == target) & (table["language"] != ENGLISH)]

    def _drawn(self, target: str) -> dict[str, BootstrapEffect]:
        here = self._zero_shot(target)
        if here.empty:
            return {}
        metric, usable = here["metric"].iloc[0], {self.baseline, *here["intermediate"]}
        systems: dict[str, dict[tuple[str, int], ExampleScores]] = {}
        for one in self.outcomes(target):
            if one.metric == metric and one.intermediate in usable:
                systems.setdefault(one.intermediate, {})[one.language, one.seed] = one
        drawn = bootstrap_gains({metric: systems}, self.draws, baseline=self.baseline)[metric]
        lowest = METRICS.get(metric).lowest
        means = here.groupby("intermediate", sort=False)[["gain", "baseline"]].mean()
        return {
            name: BootstrapEffect(
                gain, drawn[name], _examples(systems[name]), lowest - base, 1.0 - base
            )
            for name, gain, base in means.itertuples(name=None)
            if name in drawn
        }


def _examples(system: Mapping[tuple[str, int], ExampleScores]) -> int:
    """Test examples of all languages but English, of one seed."""
    sizes = {language: len(one.ids) for (language, _), one in system.items()}
    return sum(size for language, size in sizes.items() if language != ENGLISH)


def evidence_of(
    name: str, compiled: CompiledPlan, store: Store, stand_ins: Mapping[str, str]
) -> ExperimentEvidence:
    """What a store holds of an experiment as it was run; of a sweep over layers the usual one."""
    encoder = compiled.cells[0].encoder
    layer = KNOWN_ENCODERS[encoder].retrieval_layer if encoder in KNOWN_ENCODERS else None
    plain = default_layers((cell.target for cell in compiled.cells), layer)
    cells = tuple(
        replace(cell, target=plain[cell.target]) for cell in compiled.cells if cell.target in plain
    )
    frame = results_frame(cells, store)
    apart = replace(compiled, cells=tuple(cell for cell in cells if not cell.same_data))
    others = {
        cell.intermediate
        for cell in apart.cells
        if cell.intermediate != apart.baseline and not has_control(cell.intermediate)
    }
    selections = select_by_other_seeds(apart, store, others)
    trainings = {
        stage.key: TrainedSetting(
            {task: facts["format"] for task, facts in stage.params["tasks"].items()},
            frozenset(
                role.rpartition(":")[2] for role in stage.inputs if role.startswith("train:")
            ),
        )
        for stage in compiled.plan.stages
        if stage.kind == "train"
    }

    def of_target(target: str) -> list[ExampleScores]:
        here = [cell for cell in cells if cell.target == target and cell.language != ENGLISH]
        return example_scores(here, store)

    ways = {task: name for name, task in plain.items() if name != task}
    return ExperimentEvidence(
        name,
        encoder,
        cells,
        frame,
        of_target,
        selections,
        trainings,
        stand_ins,
        ways,
        baseline=compiled.baseline,
        mixed=mixed_gains(cells, compiled.baseline, store),
    )
