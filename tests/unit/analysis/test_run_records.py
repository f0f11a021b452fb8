"""Records of runs in a store are found again, the newest first."""

from __future__ import annotations

from pathlib import Path

import xstilts
from xstilts.analysis.run_records import newest, save_record, saved_records
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment


def test_a_changed_experiment_without_results_does_not_hide_older_ones(
    small: LoadedExperiment, toy_file: Path, copied: Path
) -> None:
    store = Store(copied)
    changed = xstilts.load(str(toy_file), ["name=small", "seeds=[7]", "targets=[toy-kind]"])
    other = xstilts.load(str(toy_file), ["name=other", "seeds=[7]", "targets=[toy-kind]"])
    for loaded in (changed, other):
        save_record(loaded, compile_experiment(loaded), store)
    assert len(list(saved_records(store))) == 3
    found = dict(newest(store))
    assert found["small"].cells == compile_experiment(small).cells
    assert found["other"].cells == compile_experiment(other).cells


def test_the_newest_record_with_results_is_used(
    small: LoadedExperiment, toy_file: Path, copied: Path
) -> None:
    part = xstilts.load(
        str(toy_file), ["name=small", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    )
    save_record(part, compile_experiment(part), Store(copied))
    assert [(name, one.cells) for name, one in newest(Store(copied))] == [
        ("small", compile_experiment(part).cells)
    ]
