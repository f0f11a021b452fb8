"""The tables of an experiment: scores, gains and the best setting per target."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING

from xstilts.analysis.data_notes import with_data_notes
from xstilts.analysis.missing_scores import missing_score_notes
from xstilts.analysis.mixed_runs import MixedRuns, mixed_runs, with_mixed_notes
from xstilts.analysis.results import results_frame
from xstilts.analysis.run_records import (
    RecordedCells,
    labelled_cells,
    recorded_baseline,
    saved_records,
)
from xstilts.api.handle import AnyExperiment, ExperimentHandle, open_experiment
from xstilts.api.inputs import AnyStore, open_store
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.core.store_layout import OWN_FOLDER
from xstilts.core.store_snapshot import StoreSnapshot
from xstilts.planning.compiled_experiment import encoders_of, plan_of_encoder

if TYPE_CHECKING:
    import pandas as pd

    from xstilts.analysis.encoders_compared import EncodersCompared
    from xstilts.reports.sections import Section

logger = logging.getLogger(__name__)


def results(experiment: AnyExperiment | None = None, store: AnyStore | None = None) -> pd.DataFrame:
    """All available scores: one row per experiment, result cell and metric.

    Columns: experiment (with the digests of its record where several runs in the store have one
    name), encoder, intermediate, target, language, split, seed, metric, value (between 0 and 1;
    NaN if a training diverged), n (test examples; of retrieval meanings or images), key (of the
    score stage), states, data_notes (rows left out, blank labels, what no sub-word was found for,
    and evaluated rows whose input is trained on, in all data behind the score, and what else the
    score's runs and those that it is compared with were computed with, if these differ).

    Args:
        experiment: as loaded, or a YAML file or a preset's name; by default every experiment that
            was run in the store.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        ConfigError: an invalid experiment.
        StoreError: the folder holds something else than a store.
    """
    from xstilts.api.notebook_frames import ResultFrame

    if experiment is not None:
        handle = open_experiment(experiment, store)
        name, frame = handle.loaded.experiment.name, handle.noted_results
        if frame.empty:
            logger.warning("%s has no score of %s yet: run it first", handle.snapshot.root, name)
        noted = with_mixed_notes(_of_experiment(name, frame), {name: handle.mixed_runs})
        return ResultFrame(noted)
    import pandas as pd

    snapshot = snapshot_of(store)
    records = labelled_cells(snapshot)
    if not records:
        logger.warning("%s has no record of an experiment that can be read", snapshot.root)
    frames = [
        _of_experiment(name, results_frame(record.cells, snapshot))
        for name, record in records.items()
    ]
    filled = [frame for frame in frames if len(frame)]
    empty = _of_experiment("", results_frame((), snapshot))
    frame = pd.concat(filled, ignore_index=True) if filled else empty
    noted = with_data_notes(frame, snapshot)
    return ResultFrame(with_mixed_notes(noted, _mixed_runs(records, snapshot)))


def result_notes(
    frame: pd.DataFrame, experiment: AnyExperiment | None = None, store: AnyStore | None = None
) -> dict[str, list[str]]:
    """Experiment, as in `results` → sentences on its scores.

    How many are missing, which sets have no labels to score by, and each difference between its
    compared runs, such as of precision, device or version of torch; see `analysis.mixed_runs`.

    Args:
        frame: its results.
    """
    if experiment is not None:
        handle = open_experiment(experiment, store)
        name, compiled = handle.loaded.experiment.name, handle.compiled
        missing = missing_score_notes(
            compiled.cells, _scored(frame, name), lambda: compiled.plan.by_key, handle.snapshot
        )
        return {name: [*missing, *handle.mixed_notes]}
    snapshot = snapshot_of(store)
    records = labelled_cells(snapshot)
    mixed = _mixed_runs(records, snapshot)
    return {
        name: [
            *missing_score_notes(
                record.cells, _scored(frame, name), partial(_stages, record, snapshot), snapshot
            ),
            *(one.text for one in mixed.get(name, ())),
        ]
        for name, record in records.items()
    }


def _scored(frame: pd.DataFrame, experiment: str) -> set[str]:
    """The keys of an experiment's scores."""
    return set(frame.loc[frame["experiment"] == experiment, "key"])


def _stages(record: RecordedCells, store: StoreSnapshot) -> Mapping[str, Stage]:
    """Key → stage of the experiment whose cells are given; empty if they cannot be read."""
    saved = saved_records(store, record.experiment)
    return next((one.plan.by_key for one in saved if one.name == record.name), {})


def snapshot_of(store: AnyStore | None) -> StoreSnapshot:
    """A snapshot of a store, or the store itself if it is one: its manifests are read once.

    Raises:
        StoreError: the folder holds something else than a store.
    """
    opened = open_store(store, OWN_FOLDER)
    return opened if isinstance(opened, StoreSnapshot) else StoreSnapshot(opened)


def _mixed_runs(
    records: Mapping[str, RecordedCells], store: StoreSnapshot
) -> dict[str, list[MixedRuns]]:
    return {
        name: mixed_runs(record.cells, recorded_baseline(record.config), store)
        for name, record in records.items()
    }


def _of_experiment(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the experiment's name as the first column."""
    columns = ["experiment", *frame.columns]
    return frame.assign(experiment=name)[columns]


def gains(experiment: AnyExperiment, store: AnyStore | None = None) -> pd.DataFrame:
    """The gain of every intermediate setting over the baseline, per target and metric.

    Scores and gains are between 0 and 1, means over the languages other than English and over
    seeds. The 95 % interval `low` to `high` is a paired bootstrap over test examples and seeds;
    `p_holm` is corrected over settings and targets. Columns: see `analysis.gain_table.Gain`.

    Source: Phang et al. 2020 (arXiv 2005.13013) for the comparison; Efron & Tibshirani 1993,
    Koehn 2004 and Holm 1979 for the statistics.

    Raises:
        ConfigError: an invalid experiment.
    """
    from xstilts.api.notebook_frames import GainFrame

    return GainFrame(open_experiment(experiment, store).gains)


def best(
    experiment: AnyExperiment,
    store: AnyStore | None = None,
    *,
    candidates: Collection[str] | None = None,
) -> pd.DataFrame:
    """Each target's best intermediate setting, selected by dev scores, with its gain.

    Two rows per encoder and target, with and without English; scores between 0 and 1. Columns:
    see `analysis.selection.SelectedSetting`, whose `selected_by` names the split.

    Args:
        experiment: as loaded, or a YAML file or a preset's name.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        candidates: settings to select from; by default all, the baseline among them.

    Raises:
        ConfigError: an invalid experiment.
    """
    from xstilts.analysis.selection import select_settings, selection_table

    handle = open_experiment(experiment, store)
    if candidates is None:
        return selection_table(handle.selected)
    return selection_table(
        select_settings(
            handle.compiled, handle.snapshot, handle.results, handle.run_gains, candidates
        )
    )


def rank_encoders(experiment: AnyExperiment, store: AnyStore | None = None) -> pd.DataFrame:
    """The encoders of an experiment ranked on each target, with ties and mean ranks.

    One ranking per intermediate setting, and one in which each encoder has the setting that is
    best on dev. Scores and differences are between 0 and 1; the 95 % intervals are over the same
    test examples and over seeds; `p_holm` is corrected over all pairs of encoders and all targets
    of a ranking. Columns: see `analysis.encoder_ranking.RankedEncoder`.

    Source: Demšar 2006 for mean ranks; Koehn 2004 and Holm 1979 for the statistics.

    Raises:
        ConfigError: an invalid experiment, or one with a single encoder.
    """
    from xstilts.analysis.encoder_ranking import ranking_table

    return ranking_table(compared_encoders(open_experiment(experiment, store)).rows)


def compared_encoders(handle: ExperimentHandle) -> EncodersCompared:
    """The comparison of an experiment's encoders.

    Raises:
        ConfigError: it has a single encoder.
    """
    if handle.compared is None:
        raise ConfigError(
            f"{handle.loaded.experiment.name} has one encoder, and a ranking needs several",
            where="encoders",
            todo="list them: encoders: [a, b]",
        )
    return handle.compared


def benchmark_tables(experiment: AnyExperiment, store: AnyStore | None = None) -> list[Section]:
    """Settings by tasks, groups and average of XTREME or XTREME-R, for each encoder with a score.

    Sources: Hu et al. 2020 (arXiv 2003.11080); Ruder et al. 2021 (arXiv 2104.07412).
    """
    from xstilts.reports.benchmarks import benchmark_sections

    handle = open_experiment(experiment, store)
    targets = handle.loaded.experiment.targets
    encoders = encoders_of(handle.compiled)
    return [
        section
        for encoder in encoders
        for section in benchmark_sections(
            handle.results[handle.results["encoder"] == encoder],
            [one for one in handle.selected if one.encoder == encoder],
            targets,
            plan_of_encoder(handle.compiled, encoder) if len(encoders) > 1 else handle.compiled,
            encoder if len(encoders) > 1 else "",
        )
    ]
