"""Measures of tasks and texts, each against a plain reference on toy tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import xstilts
from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.results import facts_in
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import UnknownNameError
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.models.encoder_source import has_wheel
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MEASURES, compile_measures
from xstilts.stages.io.rows import read_rows
from xstilts.statistics.jensen_shannon import jensen_shannon
from xstilts.testing.measures import (
    CHANGES,
    ReferenceEncoder,
    measure_ref,
    measure_value,
    prepared_rows,
    run_stages,
)

KEYS = {
    "home": "029912b861922002c5feefd0bcb93f90e45257e9a94b7b7c54fbc4e1b37410ad",
    "phang-2020": "4f804cc6926f199c82e845fea5cea926523ea46b38322e97a7f73b507001a630",
}


# what a plan is


@pytest.mark.skipif(not has_wheel(), reason="the encoder of `home` is another one elsewhere")
@pytest.mark.parametrize("preset", KEYS)
def test_the_keys_of_published_experiments_do_not_change(preset: str) -> None:
    """Change these digests only with a version: every existing store is then recomputed."""
    fewer = ["languages=[en, de]", "seeds=[0]"] if preset == "phang-2020" else []
    plan = compile_experiment(xstilts.load(preset, fewer)).plan
    assert digest_of([stage.key for stage in plan.stages]) == KEYS[preset]


def test_measures_reuse_the_trainings_of_the_experiment(loaded: LoadedExperiment) -> None:
    own = {stage.key for stage in compile_experiment(loaded).plan.stages}
    stages, measured = compile_measures(loaded, ["accuracy", "logme", "textemb", "taskemb"])
    assert {stage.key for stage in stages if stage.kind == "train"} <= own
    assert {key for one in measured for key in one.keys} <= {stage.key for stage in stages}
    Plan.of([*compile_experiment(loaded).plan.stages, *stages])


def test_an_unknown_measure_error_suggests_the_nearest_name(loaded: LoadedExperiment) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'textemb'"):
        compile_measures(loaded, ["textembed"])


def test_mixtures_and_pairs_of_a_task_with_itself_have_no_measures(table: pd.DataFrame) -> None:
    assert set(table["task"]) == {"toy-same", "toy-tags"}
    assert table.query("task == other").empty
    assert set(table.query("measure == 'textemb'")["other"]) == {
        "toy-kind",
        "toy-tags",
        "toy-search",
    }
    assert not table.duplicated(["measure", "task", "other", "seed"]).any()
    assert set(table["measure"]) == set(MEASURES)


def test_unfinished_measures_have_no_row(loaded: LoadedExperiment, tmp_path: Path) -> None:
    _, measured = compile_measures(loaded, ["accuracy", "format"])
    found = measures_table(measured, facts_in(Store(tmp_path)))
    assert set(found["measure"]) == {"format"}
    assert measures_table([], facts_in(Store(tmp_path))).empty


def test_a_diverged_training_has_no_accuracy(loaded: LoadedExperiment) -> None:
    _, measured = compile_measures(loaded, ["accuracy", "above-majority"])
    diverged = {"diverged": "at step 3", "steps": 3, "majority": 0.5, "chance": 0.5}
    found = measures_table(measured, lambda _: diverged)
    assert len(found) == 4
    assert found["value"].isna().all()


# one task


def test_dev_accuracy_is_that_of_the_selected_checkpoint(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    (key,) = measure_ref(loaded, "accuracy", "toy-same").keys
    log = (store.artifact(key) / "log.json").read_text()
    assert f'"toy-same": {measure_value(table, "accuracy", "toy-same")}' in log


def test_majority_baselines_are_scored_by_the_metric_of_the_task(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    train, dev = (prepared_rows(loaded, store, "toy-same", split) for split in ("train", "dev"))
    usual = Counter(row["label"] for row in train).most_common(1)[0][0]
    right = np.mean([row["label"] == usual for row in dev])
    assert measure_value(table, "majority", "toy-same") == pytest.approx(right)
    assert measure_value(table, "chance", "toy-same") == pytest.approx(1 / 2)
    for name in ("chance", "majority"):
        above = measure_value(table, "accuracy", "toy-same") - measure_value(
            table, name, "toy-same"
        )
        assert measure_value(table, f"above-{name}", "toy-same") == pytest.approx(above)
    assert measure_value(table, "majority", "toy-tags") == 0  # span F1 of O alone
    assert np.isnan(measure_value(table, "chance", "toy-tags"))
    assert np.isnan(measure_value(table, "above-chance", "toy-tags"))


def test_size_and_length_count_the_rows_used(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: ReferenceEncoder
) -> None:
    train = prepared_rows(loaded, store, "toy-same", "train")
    assert measure_value(table, "size", "toy-same") == len(train) == 96
    lengths = [len(oracle.ids(row["text"], row["text_pair"])) for row in train]
    assert measure_value(table, "length", "toy-same") == pytest.approx(np.mean(lengths), abs=1e-6)
    assert measure_value(table, "size-rule", "toy-same", "toy-search") == 96


# pairs


def test_same_format_is_one_for_equal_formats_only(table: pd.DataFrame) -> None:
    assert measure_value(table, "format", "toy-same", "toy-kind") == 1
    assert measure_value(table, "format", "toy-same", "toy-tags") == 0
    assert measure_value(table, "format", "toy-same", "toy-search") == 0


def cosine(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_text_embeddings_are_means_of_transformers_hidden_states(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: ReferenceEncoder
) -> None:
    pairs = [(r["text"], r["text_pair"]) for r in prepared_rows(loaded, store, "toy-same", "train")]
    english = [(row["text"],) for row in prepared_rows(loaded, store, "toy-search", "test")]
    means = [np.stack([oracle.states(*one).mean(0) for one in texts]) for texts in (pairs, english)]
    one, other = (vectors.mean(0) for vectors in means)
    found = measure_value(table, "textemb", "toy-same", "toy-search")
    assert found == pytest.approx(cosine(one, other), abs=1e-6)


def test_sentence_embeddings_come_from_the_retrieval_layer(
    toy_file: Path, tmp_path: Path, oracle: ReferenceEncoder
) -> None:
    loaded = xstilts.load(str(toy_file), [*CHANGES, "retrieval.layer=1"])
    stages, measured = compile_measures(loaded, ["semb"])
    store = run_stages(stages, tmp_path)
    oracle.model.encoder.layer, whole = oracle.model.encoder.layer[:1], oracle.model.encoder.layer
    try:
        found = []
        for task, split in (("toy-same", "train"), ("toy-kind", "train")):
            read = read_rows(next(
                store.artifact(stage.key) for stage in stages
                if stage.kind == "prepare" and stage.params["task"] == task
            ) / "rows.parquet")  # fmt: skip
            assert split == "train"
            texts = [tuple(filter(None, (row["text"], row.get("text_pair")))) for row in read]
            vectors = np.stack([oracle.states(*one).mean(0) for one in texts])
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            found.append(unit.mean(0))
    finally:
        oracle.model.encoder.layer = whole
    table = measures_table(measured, facts_in(store))
    assert measure_value(table, "semb", "toy-same", "toy-kind") == pytest.approx(
        cosine(*found), abs=1e-6
    )


def test_vocabulary_divergence_is_computed_on_subwords(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: ReferenceEncoder
) -> None:
    special = set(oracle.tokenizer.all_special_ids)
    counts = [
        Counter(n for row in read for n in oracle.ids(*texts(row)) if n not in special)
        for read, texts in (
            (
                prepared_rows(loaded, store, "toy-same", "train"),
                lambda r: (r["text"], r["text_pair"]),
            ),
            (prepared_rows(loaded, store, "toy-kind", "train"), lambda r: (r["text"],)),
        )
    ]
    found = measure_value(table, "divergence", "toy-same", "toy-kind")
    assert found == pytest.approx(jensen_shannon(*counts), abs=1e-9)
