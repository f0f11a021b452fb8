"""Measures of trained models, each against a plain reference on toy tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import Artifact
from xstilts.core.errors import DataError
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import local
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.local import LocalExecutor
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import occurring_ids
from xstilts.formats.tagging import TAGGING
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.vocab_view import used_ids
from xstilts.planning.measures import MeasureRef, compile_measures
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.similarity import fisher_similarity
from xstilts.stages.train import training
from xstilts.statistics.cka import linear_cka
from xstilts.statistics.logme import logme
from xstilts.testing.in_process_pool import InProcessPool
from xstilts.testing.measures import (
    CHANGES,
    ReferenceEncoder,
    measure_ref,
    measure_value,
    prepared_rows,
    run_stages,
)
from xstilts.training.gold_probabilities import gold_bits, gold_probabilities
from xstilts.training.predict import embed_words


def cosine(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def vectors_behind(loaded: LoadedExperiment, store: Store, measured: MeasureRef) -> Artifact:
    stage = next(
        s for s in compile_measures(loaded, [measured.measure])[0] if s.key == measured.keys[0]
    )
    return store.artifact(stage.inputs["vectors"])


def test_logme_uses_vectors_of_the_intermediate_encoder(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    one = measure_ref(loaded, "logme", "toy-same", "toy-kind")
    artifact = vectors_behind(loaded, store, one)
    labels = [row["label"] for row in prepared_rows(loaded, store, "toy-kind", "train")]
    vectors = np.load(artifact / "vectors.npy")
    index = np.array([("animal", "food", "tool").index(label) for label in labels])
    assert np.load(artifact / "gold.npy").tolist() == index.tolist()
    expected = logme(vectors, index)
    assert measure_value(table, "logme", "toy-same", "toy-kind") == pytest.approx(
        expected, abs=1e-9
    )
    assert table.query("measure == 'logme' and other == 'toy-search'").empty


def test_logme_of_tagging_uses_the_first_subword_of_every_word(
    loaded: LoadedExperiment, store: Store, oracle: ReferenceEncoder
) -> None:
    artifact = vectors_behind(loaded, store, measure_ref(loaded, "logme", "toy-same", "toy-tags"))
    read = prepared_rows(loaded, store, "toy-tags", "train")
    tags = ("O", "B-animal", "B-food", "B-tool")
    gold = [tags.index(tag) for row in read for tag in row["tags"]]
    assert np.load(artifact / "gold.npy").tolist() == gold
    assert len(np.load(artifact / "vectors.npy")) == len(gold)


def test_word_vectors_equal_transformers_hidden_states(
    toy_file: Path, oracle: ReferenceEncoder, tmp_path: Path
) -> None:
    import_encoder(toy_file.parent / "encoder", tmp_path)
    words = [("the", "horse", "is", "here"), ("a", "needle", "7")]
    read = [{"id": str(n), "tokens": one, "tags": ["O"] * len(one)} for n, one in enumerate(words)]
    features = TAGGING.features(read, oracle.tokenizer, ["O"], TokenizationConfig())
    encoder = Encoder(EncoderFiles(tmp_path), used_ids([occurring_ids(features)], 1))
    found = embed_words(encoder, features, 1, 2)
    expected = []
    for one in words:
        states, places = oracle.states(" ".join(one)), [1]
        for word in one[:-1]:
            places.append(places[-1] + len(oracle.ids(word)) - 2)
        expected.append(states[places])
    np.testing.assert_allclose(found, np.concatenate(expected), atol=1e-5)


def stage_of(loaded: LoadedExperiment, measure: str, key: str) -> Stage:
    (found,) = (stage for stage in compile_measures(loaded, [measure])[0] if stage.key == key)
    return found


def test_cka_compares_the_encoders_of_both_tasks_on_target_texts(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    (key,) = measure_ref(loaded, "cka", "toy-same", "toy-kind").keys
    inputs = stage_of(loaded, "cka", key).inputs
    bases = [stage_of(loaded, "cka", inputs[side]).inputs["base"] for side in ("one", "other")]
    assert [stage_of(loaded, "cka", base).label for base in bases] == [
        "train toy-same seed 0",
        "train toy-kind (baseline) seed 0",
    ]
    one, other = (np.load(store.artifact(inputs[s]) / "vectors.npy") for s in ("one", "other"))
    found = measure_value(table, "cka", "toy-same", "toy-kind")
    assert found == pytest.approx(linear_cka(one, other), abs=1e-9)


# trained on the way


def test_prequential_prefixes_are_nested_and_blocks_cover_all_rows(
    loaded: LoadedExperiment, store: Store
) -> None:
    keys = measure_ref(loaded, "prequential", "toy-same").keys
    whole = [row["id"] for row in prepared_rows(loaded, store, "toy-same", "train")]
    coded_ids: list[str] = []
    for key in keys:
        stage = stage_of(loaded, "prequential", key)
        if "model" in stage.inputs:
            train = stage_of(loaded, "prequential", stage.inputs["model"])
            seen = read_rows(store.artifact(train.inputs["train:toy-same:en"]) / "rows.parquet")
            assert [row["id"] for row in seen] == coded_ids  # trained on all before it
        coded_ids += [row["id"] for row in read_rows(store.artifact(key) / "surprise.parquet")]
    has_model = ["model" in stage_of(loaded, "prequential", key).inputs for key in keys]
    assert has_model == [False, True, True, True]
    assert coded_ids != whole  # a file may be sorted by label
    assert sorted(coded_ids) == sorted(whole)


@pytest.mark.parametrize("task", ["toy-same", "toy-tags"])
def test_the_prequential_code_length_follows_its_formula(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, task: str
) -> None:
    facts = [store.artifact(key).facts for key in measure_ref(loaded, "prequential", task).keys]
    bits_a_label = np.log2(2 if task == "toy-same" else 4)
    uniform = bits_a_label * sum(one["choices"] for one in facts)
    bits = bits_a_label * facts[0]["choices"] + sum(one["bits"] for one in facts[1:])
    assert measure_value(table, "prequential", task) == pytest.approx(bits / 96)
    assert measure_value(table, "prequential-ratio", task) == pytest.approx(bits / uniform)
    assert measure_value(table, "prequential-ratio", "toy-tags") < 1


def test_too_few_rows_for_prequential_blocks_are_an_error(
    loaded: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    few = xstilts.load(str(toy_file), [*CHANGES, "limits.train=4"])
    with pytest.raises(DataError, match="4 rows are too few for this slice"):
        run_stages(compile_measures(few, ["prequential"])[0], tmp_path)


def test_observing_a_training_changes_no_weight(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, tmp_path: Path
) -> None:
    (key,) = measure_ref(loaded, "confidence", "toy-same").keys
    stage = stage_of(loaded, "confidence", key)
    (ordinary,) = measure_ref(loaded, "accuracy", "toy-same").keys
    assert stage.params == stage_of(loaded, "accuracy", ordinary).params
    inputs = {role: store.artifact(one) for role, one in stage.inputs.items()}
    work = StageContext(stage, inputs, tmp_path, tmp_path / "none", lambda _: None)
    seen: list[int] = []

    def watcher(tasks: Any, padding: int) -> Any:
        def watch(model: Any) -> int:
            gold_probabilities(model, tasks[0].name, tasks[0].format, tasks[0].train[:8], padding)
            seen.append(1)
            return len(seen)

        return watch

    watched, plain = training(work, watcher).trained, training(work).trained
    assert watched.log.watched == [1, 2]  # once after each of two epochs
    assert plain.log.losses == watched.log.losses
    for name, weight in plain.state.items():
        assert weight.equal(watched.state[name])


def test_dynamics_are_means_over_epochs_and_examples(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    (key,) = measure_ref(loaded, "confidence", "toy-tags").keys
    frame = pd.DataFrame(read_rows(store.artifact(key) / "dynamics.parquet"))
    assert frame["epoch"].value_counts().to_dict() == {1: 96, 2: 96}
    assert frame["probability"].between(0, 1).all()
    by_example = frame.groupby("id")["probability"]
    assert measure_value(table, "confidence", "toy-tags") == pytest.approx(by_example.mean().mean())
    assert measure_value(table, "variability", "toy-tags") == pytest.approx(
        by_example.std(ddof=0).mean()
    )
    assert measure_value(table, "correctness", "toy-tags") == pytest.approx(frame["correct"].mean())


def test_partial_input_is_applied_to_training_and_dev(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    (key,) = measure_ref(loaded, "input-only", "toy-same").keys
    train = stage_of(loaded, "input-only", key)
    for split in ("train", "dev"):
        given = read_rows(store.artifact(train.inputs[f"{split}:toy-same:en"]) / "rows.parquet")
        whole = prepared_rows(loaded, store, "toy-same", split)
        assert [row["text"] for row in given] == [row["text_pair"] for row in whole]
        assert [row["label"] for row in given] == [row["label"] for row in whole]
    assert (
        measure_value(table, "input-only", "toy-same")
        == store.artifact(key).facts["dev"]["toy-same"]
    )


def test_the_withheld_field_depends_on_the_format() -> None:
    single = {"id": "a", "text": "one two three four", "text_pair": None, "label": "x"}
    assert sorted(FORMATS.get("classification").input_only(single)["text"].split()) == sorted(
        single["text"].split()
    )
    tagged = {"id": "a", "tokens": list("abcdef"), "tags": list("ABCDEF")}
    turned = FORMATS.get("tagging").input_only(tagged)
    assert turned == FORMATS.get("tagging").input_only(tagged)
    assert turned["tokens"] != tagged["tokens"]
    assert [word.upper() for word in turned["tokens"]] == turned["tags"]
    chosen = {"id": "a", "text": "why?", "choices": ["this", "that"], "label": "0"}
    assert FORMATS.get("multiple_choice").input_only(chosen) == {**chosen, "text": ""}
    asked = {"id": "a", "question": "who?", "context": "me", "answers": ["me"], "starts": [0]}
    assert FORMATS.get("span").input_only(asked) == {**asked, "question": ""}


def test_gold_logits_are_those_that_the_loss_sums() -> None:
    """The surprise of a batch without padding is the format's own loss, in bits."""
    draw = torch.Generator().manual_seed(0)

    def feature(target: Any, **rest: Any) -> Feature:
        return Feature("a", [0, 5, 6, 2], [0, 0, 0, 0], target, **rest)

    for kind, features, shape in (
        ("classification", [feature(1), feature(2)], (2, 3)),
        ("multiple_choice", [feature(1, extra_texts=(feature(1), feature(1)))] * 2, (6, 1)),
        ("tagging", [feature([-100, 2, 0, -100]), feature([-100, 1, -100, -100])], (2, 4, 3)),
        ("span", [feature([1, 2]), feature([0, 0])], (2, 4, 2)),
    ):
        logits, form = torch.randn(shape, generator=draw), FORMATS.get(kind).training
        bits = [gold_bits(one)[0] for one in form.gold_logits(logits, features)]
        loss = float(form.loss(logits, form.targets(features, 4)))
        assert sum(bits) == pytest.approx(loss / np.log(2), rel=1e-6)
        sizes = [tuple(one.logits.shape) for one in form.gold_logits(logits, features)]
        assert sizes == [form.gold_options(one, ("a", "b", "c")) for one in features]


# Fisher information


def test_fisher_information_is_the_mean_squared_gradient_per_example(
    loaded: LoadedExperiment, store: Store
) -> None:
    (key,) = measure_ref(loaded, "taskemb", "toy-same", "toy-kind").keys
    stage = stage_of(loaded, "taskemb", stage_of(loaded, "taskemb", key).inputs["one"])
    model = EncoderFiles(*(store.artifact(stage.inputs[r]).path for r in ("encoder", "model")))
    tokenizer, labels = model.tokenizer(), ("same", "other")
    read = prepared_rows(loaded, store, "toy-same", "train")
    head = load_file(model.trained / "heads.safetensors")  # type: ignore[operator]
    whole = model.model(torch.arange(len(model.full_embeddings())))
    name = "encoder.layer.1.output.dense.weight"
    weight = dict(whole.named_parameters())[name]
    total = torch.zeros_like(weight)
    for row in read:
        batch = tokenizer(row["text"], row["text_pair"], return_tensors="pt")
        state = whole(batch["input_ids"]).last_hidden_state[0, 0]
        hidden = torch.tanh(state @ head["toy-same.dense.weight"].T + head["toy-same.dense.bias"])
        logits = hidden @ head["toy-same.out.weight"].T + head["toy-same.out.bias"]
        gold = torch.log_softmax(logits, -1)[labels.index(row["label"])]
        (gradient,) = torch.autograd.grad(gold, weight)
        total += gradient**2
    with np.load(store.artifact(stage.key) / "fisher.npz") as file:
        assert not any("word_embeddings" in one for one in file.files)
        expected = (total / len(read)).mean(-1).numpy()
        np.testing.assert_allclose(file[name], expected, rtol=1e-3)


def test_fisher_similarity_is_one_for_equal_models_and_ignores_tiny_values() -> None:
    draw = np.random.default_rng(0)
    one = {"a": draw.random(8), "b": draw.random(5), "noise": 1e-14 * draw.random(5)}
    other = {**one, "noise": 1e-14 * draw.random(5)}
    assert fisher_similarity(one, other) == pytest.approx(1)
    apart = {**one, "a": draw.random(8)}
    assert fisher_similarity(one, apart) == pytest.approx((cosine(one["a"], apart["a"]) + 1) / 2)
    with pytest.raises(DataError, match="all zero"):
        fisher_similarity({"a": np.zeros(3)}, {"a": np.zeros(3)})


def test_measures_are_reproducible(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a worker process and in this one, which has done other work before."""
    fewer = ["intermediate=[none, toy-tags]", "targets=[toy-kind]"]
    loaded = xstilts.load(str(toy_file), [*CHANGES, *fewer])
    names = ["majority", "textemb", "divergence", "logme", "prequential", "confidence", "taskemb"]
    stages, _ = compile_measures(loaded, names)
    first, second = (Store(tmp_path / name).prepare() for name in ("first", "second"))
    LocalExecutor(first, ExecutorOptions(workers=1)).run(Plan.of(stages), lambda _: None)
    monkeypatch.setattr(local, "WorkerPool", InProcessPool)
    LocalExecutor(second, ExecutorOptions(workers=1)).run(Plan.of(stages), lambda _: None)
    for stage in stages:
        one, other = (store.artifact(stage.key).manifest for store in (first, second))
        assert (one["facts"], one["files"]) == (other["facts"], other["files"]), stage.label
