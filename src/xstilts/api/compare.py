"""Compare two experiments of one store, or of two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.run_records import (
    RunRecord,
    experiment_config,
    saved_records,
)
from xstilts.api.handle import AnyExperiment, ExperimentHandle, open_experiment
from xstilts.api.inputs import AnyStore, check_output, existing_store
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.core.store_layout import is_marked
from xstilts.core.store_snapshot import StoreSnapshot

if TYPE_CHECKING:
    from xstilts.analysis.compared_experiment import ComparedExperiment
    from xstilts.analysis.comparison import Comparison


def compare(
    a: AnyExperiment,
    b: AnyExperiment,
    store: AnyStore | None = None,
    other_store: AnyStore | None = None,
    *,
    path: Path | str | None = None,
) -> Comparison:
    """What differs between two experiments, and the differences of their scores.

    Scores are compared for each target, setting and language that both have, on the test examples
    that both have, with paired 95 % intervals over examples and seeds. Scores of different test
    data are not compared, nor those on a target where a run of the setting diverged or collapsed;
    `unpaired` says why. `table` is a data frame of the differences.

    Args:
        a, b: an experiment that was run in the store, as `results` and `status` name it; a YAML
            file or a preset; or the folder of a store with one experiment. Differences are those
            of `b` from `a`.
        store: of both, or of `a`; by default $XSTILTS_STORE or ./xstilts-store.
        other_store: of `b`.
        path: an HTML page to write.

    Raises:
        ConfigError: an unknown experiment, or two that have nothing to compare.
        StoreError: no such store, or the page cannot be written.
    """
    from xstilts.analysis.comparison import compare_experiments

    first = compared_experiment(a, store)
    second = compared_experiment(b, other_store if other_store is not None else store)
    first, second = _with_unique_names(first, second)
    check_output(path, None, first.store)
    check_output(path, None, second.store)
    comparison = compare_experiments(first, second)
    if not comparison.scores:
        reasons = dict.fromkeys(one.reason for one in comparison.unpaired)
        raise ConfigError(
            f"{first.name} and {second.name} have no scores that can be compared: "
            + ("; ".join(reasons) or "neither has a score"),
            todo="compare experiments with the same targets, settings and test data, of which no "
            "run diverged or collapsed",
        )
    if path is not None:
        from xstilts.reports.comparison_page import comparison_page
        from xstilts.reports.tables import write_output

        write_output(Path(path), comparison_page(comparison).encode())
    return comparison


def compared_experiment(experiment: AnyExperiment, store: AnyStore | None) -> ComparedExperiment:
    """An experiment with its results in a store.

    Raises:
        ConfigError: an unknown experiment, or a store with several.
        StoreError: no such store.
    """
    if isinstance(experiment, ExperimentHandle | LoadedExperiment):
        return _of_handle(open_experiment(experiment, store))
    if is_marked(Path(experiment)):
        return _only_record(existing_store(experiment))
    opened = existing_store(store)
    found = _records(opened, str(experiment))
    if len(found) == 1:
        return _of_record(found[0], opened, str(experiment))
    if found:
        names = ", ".join(record.name for record in found)
        raise ConfigError(
            f"{experiment} was run in {len(found)} versions in {opened.root}",
            todo=f"name one of them: {names}",
        )
    return _of_handle(open_experiment(experiment, opened))


def _records(store: Store, name: str) -> list[RunRecord]:
    """The records of a name, or the one of a name with digests."""
    return [record for record in saved_records(store) if name in (record.experiment, record.name)]


def _only_record(store: Store) -> ComparedExperiment:
    records = list(saved_records(store))
    if len(records) == 1:
        return _of_record(records[0], store, records[0].experiment)
    if not records:
        raise ConfigError(f"no experiment was run in {store.root}", todo="run one first")
    names = ", ".join(record.name for record in records)
    raise ConfigError(
        f"{store.root} has {len(records)} experiments",
        todo=f"give the folder as --store or --other-store, and one of the names {names}",
    )


def _of_record(record: RunRecord, store: Store, name: str) -> ComparedExperiment:
    from xstilts.analysis.compared_experiment import ComparedExperiment

    return ComparedExperiment(name, record.config, record.compiled, StoreSnapshot(store))


def _of_handle(handle: ExperimentHandle) -> ComparedExperiment:
    from xstilts.analysis.compared_experiment import ComparedExperiment

    experiment = handle.loaded.experiment
    return ComparedExperiment(
        experiment.name, experiment_config(experiment), handle.compiled, handle.snapshot
    )


def _with_unique_names(
    a: ComparedExperiment, b: ComparedExperiment
) -> tuple[ComparedExperiment, ComparedExperiment]:
    """Two experiments of one name are told apart by the folders of their stores, or numbered."""
    if a.name != b.name:
        return a, b
    folders = a.store.root.resolve().name, b.store.root.resolve().name
    marks = folders if folders[0] != folders[1] else ("1", "2")
    first, second = (
        replace(side, name=f"{side.name} ({mark})")
        for side, mark in zip((a, b), marks, strict=True)
    )
    return first, second
