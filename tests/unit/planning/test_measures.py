"""Measures of tasks and pairs, each against a plain reference on toy tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

import xstilts
from xstilts.analysis.measures_table import measures_table
from xstilts.analysis.results import facts_in
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import DataError, UnknownNameError
from xstilts.core.hashing import digest_of
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Artifact, Store
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.local import LocalExecutor
from xstilts.executors.worker import execute_stage
from xstilts.formats import FORMATS
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import occurring_ids
from xstilts.formats.tagging import TAGGING
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles, import_encoder
from xstilts.models.encoder_source import has_wheel
from xstilts.models.vocab_view import used_ids
from xstilts.planning.compile import compile_experiment
from xstilts.planning.measures import MEASURES, MeasureRef, compile_measures
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.similarity import fisher_similarity
from xstilts.stages.train import training
from xstilts.statistics.cka import linear_cka
from xstilts.statistics.jensen_shannon import jensen_shannon
from xstilts.statistics.logme import logme
from xstilts.training.gold_probabilities import gold_bits, gold_probabilities
from xstilts.training.predict import embed_words

KEYS = {
    "quickstart": "029912b861922002c5feefd0bcb93f90e45257e9a94b7b7c54fbc4e1b37410ad",
    "phang-2020": "4f804cc6926f199c82e845fea5cea926523ea46b38322e97a7f73b507001a630",
}
CHANGES = [
    "name=measured",
    "seeds=[0]",
    "intermediate=[none, toy-same, toy-tags, toy-same+toy-tags]",
    "targets=[toy-kind, toy-tags, toy-search]",
    "recipes.intermediate.epochs=2",
    "recipes.target.epochs=1",
]


@pytest.fixture(scope="module")
def loaded(toy_file: Path) -> LoadedExperiment:
    return xstilts.load(str(toy_file), CHANGES)


@pytest.fixture(scope="module")
def store(loaded: LoadedExperiment, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with every measure of the experiment, and nothing else."""
    stages, _ = compile_measures(loaded, list(MEASURES))
    return run(stages, tmp_path_factory.mktemp("measured"))


@pytest.fixture(scope="module")
def table(loaded: LoadedExperiment, store: Store) -> pd.DataFrame:
    _, measured = compile_measures(loaded, list(MEASURES))
    return measures_table(measured, facts_in(store))


def run(stages: tuple[Stage, ...], folder: Path) -> Store:
    store = Store(folder).prepare()
    for stage in Plan.of(stages).stages:
        if not store.has(stage.key):
            execute_stage(store, stage, lambda _: None)
    return store


def value(table: pd.DataFrame, measure: str, task: str, other: str = "") -> float:
    (found,) = table.query("measure == @measure and task == @task and other == @other")["value"]
    return float(found)


def sole(loaded: LoadedExperiment, measure: str, task: str, other: str = "") -> MeasureRef:
    _, measured = compile_measures(loaded, [measure])
    (found,) = (one for one in measured if (one.task, one.other) == (task, other))
    return found


def rows(
    loaded: LoadedExperiment, store: Store, task: str, split: str, language: str = "en"
) -> Any:
    stages, _ = compile_measures(loaded, list(MEASURES))
    (stage,) = (
        stage
        for stage in stages
        if stage.kind == "prepare"
        and (stage.params["task"], stage.params["split"]) == (task, split)
        and stage.params["language"] == language
    )
    return read_rows(store.artifact(stage.key) / "rows.parquet")


class Oracle:
    """transformers' own encoder and tokenizer, one text at a time."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.model = AutoModel.from_pretrained(folder, add_pooling_layer=False).eval()

    def ids(self, *texts: str) -> list[int]:
        return list(self.tokenizer(*texts, truncation=True)["input_ids"])

    @torch.no_grad()
    def states(self, *texts: str) -> np.ndarray[Any, Any]:
        found = self.model(torch.tensor([self.ids(*texts)])).last_hidden_state[0]
        return np.asarray(found.numpy(), dtype=np.float64)


@pytest.fixture(scope="module")
def oracle(toy_file: Path) -> Oracle:
    return Oracle(toy_file.parent / "encoder")


# what a plan is


@pytest.mark.skipif(not has_wheel(), reason="quickstart's encoder is another one elsewhere")
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
    (key,) = sole(loaded, "accuracy", "toy-same").keys
    log = (store.artifact(key) / "log.json").read_text()
    assert f'"toy-same": {value(table, "accuracy", "toy-same")}' in log


def test_majority_baselines_are_scored_by_the_metric_of_the_task(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    train, dev = (rows(loaded, store, "toy-same", split) for split in ("train", "dev"))
    usual = Counter(row["label"] for row in train).most_common(1)[0][0]
    right = np.mean([row["label"] == usual for row in dev])
    assert value(table, "majority", "toy-same") == pytest.approx(right)
    assert value(table, "chance", "toy-same") == pytest.approx(1 / 2)
    for name in ("chance", "majority"):
        above = value(table, "accuracy", "toy-same") - value(table, name, "toy-same")
        assert value(table, f"above-{name}", "toy-same") == pytest.approx(above)
    assert value(table, "majority", "toy-tags") == 0  # span F1 of O alone
    assert np.isnan(value(table, "chance", "toy-tags"))
    assert np.isnan(value(table, "above-chance", "toy-tags"))


def test_size_and_length_count_the_rows_used(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: Oracle
) -> None:
    train = rows(loaded, store, "toy-same", "train")
    assert value(table, "size", "toy-same") == len(train) == 96
    lengths = [len(oracle.ids(row["text"], row["text_pair"])) for row in train]
    assert value(table, "length", "toy-same") == pytest.approx(np.mean(lengths), abs=1e-6)
    assert value(table, "size-rule", "toy-same", "toy-search") == 96


# pairs


def test_same_format_is_one_for_equal_formats_only(table: pd.DataFrame) -> None:
    assert value(table, "format", "toy-same", "toy-kind") == 1
    assert value(table, "format", "toy-same", "toy-tags") == 0
    assert value(table, "format", "toy-same", "toy-search") == 0


def cosine(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def test_text_embeddings_are_means_of_transformers_hidden_states(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: Oracle
) -> None:
    pairs = [(r["text"], r["text_pair"]) for r in rows(loaded, store, "toy-same", "train")]
    english = [(row["text"],) for row in rows(loaded, store, "toy-search", "test")]
    means = [np.stack([oracle.states(*one).mean(0) for one in texts]) for texts in (pairs, english)]
    one, other = (vectors.mean(0) for vectors in means)
    found = value(table, "textemb", "toy-same", "toy-search")
    assert found == pytest.approx(cosine(one, other), abs=1e-6)


def test_sentence_embeddings_come_from_the_retrieval_layer(
    toy_file: Path, tmp_path: Path, oracle: Oracle
) -> None:
    loaded = xstilts.load(str(toy_file), [*CHANGES, "retrieval.layer=1"])
    stages, measured = compile_measures(loaded, ["semb"])
    store = run(stages, tmp_path)
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
    assert value(table, "semb", "toy-same", "toy-kind") == pytest.approx(cosine(*found), abs=1e-6)


def test_vocabulary_divergence_is_computed_on_subwords(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, oracle: Oracle
) -> None:
    special = set(oracle.tokenizer.all_special_ids)
    counts = [
        Counter(n for row in read for n in oracle.ids(*texts(row)) if n not in special)
        for read, texts in (
            (rows(loaded, store, "toy-same", "train"), lambda r: (r["text"], r["text_pair"])),
            (rows(loaded, store, "toy-kind", "train"), lambda r: (r["text"],)),
        )
    ]
    found = value(table, "divergence", "toy-same", "toy-kind")
    assert found == pytest.approx(jensen_shannon(*counts), abs=1e-9)


def vectors_behind(loaded: LoadedExperiment, store: Store, measured: MeasureRef) -> Artifact:
    stage = next(
        s for s in compile_measures(loaded, [measured.measure])[0] if s.key == measured.keys[0]
    )
    return store.artifact(stage.inputs["vectors"])


def test_logme_uses_vectors_of_the_intermediate_encoder(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    one = sole(loaded, "logme", "toy-same", "toy-kind")
    artifact = vectors_behind(loaded, store, one)
    labels = [row["label"] for row in rows(loaded, store, "toy-kind", "train")]
    vectors = np.load(artifact / "vectors.npy")
    index = np.array([("animal", "food", "tool").index(label) for label in labels])
    assert np.load(artifact / "gold.npy").tolist() == index.tolist()
    expected = logme(vectors, index)
    assert value(table, "logme", "toy-same", "toy-kind") == pytest.approx(expected, abs=1e-9)
    assert table.query("measure == 'logme' and other == 'toy-search'").empty


def test_logme_of_tagging_uses_the_first_subword_of_every_word(
    loaded: LoadedExperiment, store: Store, oracle: Oracle
) -> None:
    artifact = vectors_behind(loaded, store, sole(loaded, "logme", "toy-same", "toy-tags"))
    read = rows(loaded, store, "toy-tags", "train")
    tags = ("O", "B-animal", "B-food", "B-tool")
    gold = [tags.index(tag) for row in read for tag in row["tags"]]
    assert np.load(artifact / "gold.npy").tolist() == gold
    assert len(np.load(artifact / "vectors.npy")) == len(gold)


def test_word_vectors_equal_transformers_hidden_states(
    toy_file: Path, oracle: Oracle, tmp_path: Path
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
    (key,) = sole(loaded, "cka", "toy-same", "toy-kind").keys
    inputs = stage_of(loaded, "cka", key).inputs
    bases = [stage_of(loaded, "cka", inputs[side]).inputs["base"] for side in ("one", "other")]
    assert [stage_of(loaded, "cka", base).label for base in bases] == [
        "train toy-same seed 0",
        "train toy-kind (baseline) seed 0",
    ]
    one, other = (np.load(store.artifact(inputs[s]) / "vectors.npy") for s in ("one", "other"))
    found = value(table, "cka", "toy-same", "toy-kind")
    assert found == pytest.approx(linear_cka(one, other), abs=1e-9)


# trained on the way


def test_prequential_prefixes_are_nested_and_blocks_cover_all_rows(
    loaded: LoadedExperiment, store: Store
) -> None:
    keys = sole(loaded, "prequential", "toy-same").keys
    whole = [row["id"] for row in rows(loaded, store, "toy-same", "train")]
    coded_ids: list[str] = []
    for key in keys:
        stage = stage_of(loaded, "prequential", key)
        if "model" in stage.inputs:
            train = stage_of(loaded, "prequential", stage.inputs["model"])
            seen = read_rows(store.artifact(train.inputs["train:toy-same:en"]) / "rows.parquet")
            assert [row["id"] for row in seen] == coded_ids  # trained on all before it
        coded_ids += [row["id"] for row in read_rows(store.artifact(key) / "surprise.parquet")]
    assert coded_ids == whole
    assert len(keys) == 4


@pytest.mark.parametrize("task", ["toy-same", "toy-tags"])
def test_the_prequential_code_length_follows_its_formula(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, task: str
) -> None:
    facts = [store.artifact(key).facts for key in sole(loaded, "prequential", task).keys]
    bits_a_label = np.log2(2 if task == "toy-same" else 4)
    uniform = bits_a_label * sum(one["choices"] for one in facts)
    bits = bits_a_label * facts[0]["choices"] + sum(one["bits"] for one in facts[1:])
    assert value(table, "prequential", task) == pytest.approx(bits / 96)
    assert value(table, "prequential-ratio", task) == pytest.approx(bits / uniform)
    assert value(table, "prequential-ratio", "toy-tags") < 1


def test_too_few_rows_for_prequential_blocks_are_an_error(
    loaded: LoadedExperiment, toy_file: Path, tmp_path: Path
) -> None:
    few = xstilts.load(str(toy_file), [*CHANGES, "limits.train=4"])
    with pytest.raises(DataError, match="4 rows are too few for this slice"):
        run(compile_measures(few, ["prequential"])[0], tmp_path)


def test_observing_a_training_changes_no_weight(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame, tmp_path: Path
) -> None:
    (key,) = sole(loaded, "confidence", "toy-same").keys
    stage = stage_of(loaded, "confidence", key)
    (ordinary,) = sole(loaded, "accuracy", "toy-same").keys
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
    (key,) = sole(loaded, "confidence", "toy-tags").keys
    frame = pd.DataFrame(read_rows(store.artifact(key) / "dynamics.parquet"))
    assert frame["epoch"].value_counts().to_dict() == {1: 96, 2: 96}
    assert frame["probability"].between(0, 1).all()
    by_example = frame.groupby("id")["probability"]
    assert value(table, "confidence", "toy-tags") == pytest.approx(by_example.mean().mean())
    assert value(table, "variability", "toy-tags") == pytest.approx(by_example.std(ddof=0).mean())
    assert value(table, "correctness", "toy-tags") == pytest.approx(frame["correct"].mean())


def test_partial_input_is_applied_to_training_and_dev(
    loaded: LoadedExperiment, store: Store, table: pd.DataFrame
) -> None:
    (key,) = sole(loaded, "input-only", "toy-same").keys
    train = stage_of(loaded, "input-only", key)
    for split in ("train", "dev"):
        given = read_rows(store.artifact(train.inputs[f"{split}:toy-same:en"]) / "rows.parquet")
        whole = rows(loaded, store, "toy-same", split)
        assert [row["text"] for row in given] == [row["text_pair"] for row in whole]
        assert [row["label"] for row in given] == [row["label"] for row in whole]
    assert value(table, "input-only", "toy-same") == store.artifact(key).facts["dev"]["toy-same"]


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
    (key,) = sole(loaded, "taskemb", "toy-same", "toy-kind").keys
    stage = stage_of(loaded, "taskemb", stage_of(loaded, "taskemb", key).inputs["one"])
    model = EncoderFiles(*(store.artifact(stage.inputs[r]).path for r in ("encoder", "model")))
    tokenizer, labels = model.tokenizer(), ("same", "other")
    read = rows(loaded, store, "toy-same", "train")
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


def test_measures_are_reproducible(toy_file: Path, tmp_path: Path) -> None:
    fewer = ["intermediate=[none, toy-tags]", "targets=[toy-kind]"]
    loaded = xstilts.load(str(toy_file), [*CHANGES, *fewer])
    names = ["majority", "textemb", "divergence", "logme", "prequential", "confidence", "taskemb"]
    stages, _ = compile_measures(loaded, names)
    first, second = (Store(tmp_path / name).prepare() for name in ("first", "second"))
    for store in (first, second):
        LocalExecutor(store, ExecutorOptions(workers=1)).run(Plan.of(stages), lambda _: None)
    for stage in stages:
        one, other = (store.artifact(stage.key).manifest for store in (first, second))
        assert (one["facts"], one["files"]) == (other["facts"], other["files"]), stage.label
