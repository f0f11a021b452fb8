"""The ranking of an experiment's encoders, from its cells and a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import isnan

from xstilts.analysis.encoder_ranking import Choices, RankedEncoder, rank_encoders
from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.gains import compute_gains
from xstilts.analysis.layer_sweeps import pick_default_layer
from xstilts.analysis.mixed_runs import (
    BEST,
    NOTHING,
    ComparedRuns,
    Computed,
    MixedRuns,
    computed_by_setting,
    summarised,
    texts_by_setting,
)
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_states import RunState
from xstilts.analysis.selection import SelectedBy, SelectedSetting, select_settings
from xstilts.config.intermediate import NO_INTERMEDIATE
from xstilts.config.load import LoadedExperiment
from xstilts.core.hashing import digest_of
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.encoder_experiments import encoder_experiments
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.statistics.bootstrap import DRAWS


@dataclass(frozen=True)
class EncodersCompared:
    """Encoders ranked on the targets of an experiment.

    Args:
        rows: a ranking for each intermediate setting, the baseline's first, and one of the best
            settings.
        notes: sentences on which layers are compared in a sweep.
        baseline: of the experiment.
        mixed: the encoders' runs on a target that were computed differently, with the name of the
            ranking as their setting and without an encoder.
    """

    rows: tuple[RankedEncoder, ...]
    notes: tuple[str, ...] = ()
    baseline: str = NO_INTERMEDIATE
    mixed: tuple[MixedRuns, ...] = ()


def compare_encoders(
    loaded: LoadedExperiment, compiled: CompiledPlan, store: Store, draws: int = DRAWS
) -> EncodersCompared:
    """Rank the encoders by every setting, and by the setting that is best on dev for each.

    A sweep over layers is one target: each encoder is compared with its default layer. Settings
    that can only be selected on test are not ranked as the best ones.
    """
    cells: list[ResultCell] = []
    notes: dict[str, list[str]] = {}
    nothing = results_frame((), store)
    for single in encoder_experiments(loaded):
        encoder = ResolvedExperiment(single).encoder_name
        own = [cell for cell in compiled.cells if cell.encoder == encoder]
        _, kept, swept = pick_default_layer(nothing, own, single)
        cells += kept
        for sentence in swept:
            notes.setdefault(sentence, []).append(encoder)
    frame, plain = results_frame(cells, store), replace(compiled, cells=tuple(cells))
    selected = select_settings(plain, store, frame, compute_gains(frame, cells, compiled.baseline))
    settings = sorted(loaded.experiment.intermediate, key=lambda name: name != compiled.baseline)
    rankings = {setting: _same_setting(cells, setting) for setting in settings}
    rankings[BEST] = _best_settings(selected)
    scores, streams = example_scores(cells, store), random_streams(loaded)
    rows = rank_encoders(frame, cells, scores, rankings, draws, streams)
    mixed = _mixed_rankings(rows, cells, store)
    noted = texts_by_setting(mixed)
    rows = [replace(row, mixed_runs=noted.get(("", row.ranking, row.target), "")) for row in rows]
    texts = tuple(f"{', '.join(names)}: {text}" for text, names in notes.items())
    return EncodersCompared(tuple(rows), texts, compiled.baseline, mixed)


def _mixed_rankings(
    rows: Iterable[RankedEncoder], cells: Iterable[ResultCell], store: Store
) -> tuple[MixedRuns, ...]:
    """The targets of a ranking on which the runs of the encoders with a score are mixed."""
    known = computed_by_setting(cells, store)
    ranked: dict[tuple[str, str], Computed] = {}
    for row in rows:
        if not isnan(row.score):
            group, own = (row.ranking, row.target), (row.encoder, row.intermediate, row.target)
            ranked[group] = ranked.get(group, NOTHING) | known.get(own, NOTHING)
    compared = [ComparedRuns(("", *group), computed) for group, computed in ranked.items()]
    return tuple(summarised(compared, "", "", "the encoders' runs of"))


def random_streams(loaded: LoadedExperiment) -> dict[str, str]:
    """Encoder → name of its random numbers, which does not depend on labels."""
    resolved = [ResolvedExperiment(single) for single in encoder_experiments(loaded)]
    counts = Counter(one.source.name for one in resolved)
    streams = {}
    for one in resolved:
        stream = one.source.name
        if counts[stream] > 1:
            recipes = one.experiment.recipes.model_dump(mode="json")
            stream += digest_of([one.source.params, one.pooling, recipes])
        streams[one.encoder_name] = stream
    return streams


def _same_setting(cells: Iterable[ResultCell], setting: str) -> Choices:
    return {(cell.encoder, cell.target): setting for cell in cells if cell.intermediate == setting}


def _best_settings(selected: Iterable[SelectedSetting]) -> Choices:
    """The settings that were selected on dev and whose scores are complete."""
    return {
        (one.encoder, one.target): one.intermediate
        for one in selected
        if one.english
        and one.selected_by is not SelectedBy.TEST
        and RunState.PARTIAL not in one.states
    }
