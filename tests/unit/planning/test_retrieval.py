"""Retrieval and mining from files to scores: sweeps, thresholds, blank gold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.metrics import METRICS
from xstilts.metrics.mining_f1 import MiningResult
from xstilts.planning.compile import compile_experiment
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import read_rows
from xstilts.stages.mine import read_mined, translations
from xstilts.tasks import TASKS
from xstilts.testing.tiny import TEMPLATES, WORDS_BY_KIND, write_encoder

Runner = Callable[[LoadedExperiment, Path], Store]
SEARCH = ["targets=[toy-search]", "intermediate=[none]", "seeds=[0]"]
TEXTS = [
    frame.format(thing) for kind in WORDS_BY_KIND.values() for thing in kind for frame in TEMPLATES
]


def stages(loaded: LoadedExperiment, kind: str) -> list[Stage]:
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind == kind]


def found(store: Store, stage: Stage) -> list[dict[str, Any]]:
    return read_rows(store.artifact(stage.key) / "predictions.parquet")


def scores(store: Store, stage: Stage) -> dict[str, float]:
    return {name: one["value"] for name, one in store.artifact(stage.key).facts["scores"].items()}


# the sweep


def test_one_encoder_pass_yields_every_layer_and_pooling(
    toy_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    sweep = ["retrieval={layer: all, pooling: [mean, cls]}"]
    loaded = xstilts.load(str(toy_file), [*SEARCH, *sweep])
    embedded = stages(loaded, "embed")
    assert len(embedded) == 2  # one for each side
    ways = [(layer, pooling) for layer in (0, 1, 2) for pooling in ("mean", "cls")]
    cells = compile_experiment(loaded).cells
    assert [cell.target for cell in cells] == [
        f"toy-search (layer {layer}, {pooling})" for layer, pooling in ways
    ]
    store = run_here(loaded, tmp_path / "store")
    plain = AutoModel.from_pretrained(toy_file.parent / "encoder", add_pooling_layer=False).eval()
    tokenizer = AutoTokenizer.from_pretrained(toy_file.parent / "encoder")
    for stage in embedded:
        artifact = store.artifact(stage.key)
        rows = read_rows(store.artifact(stage.inputs["rows"]) / "rows.parquet")
        batch = tokenizer([row["text"] for row in rows], padding=True, return_tensors="pt")
        ids, mask = batch["input_ids"], batch["attention_mask"]
        with torch.no_grad():
            states = plain(
                input_ids=ids, attention_mask=mask, output_hidden_states=True
            ).hidden_states
            torch.testing.assert_close(states[0], plain.embeddings(ids))
        for layer, pooling in ways:
            hidden, weight = states[layer], mask.unsqueeze(-1)
            mean = (hidden * weight).sum(1) / weight.sum(1)
            expected = hidden[:, 0] if pooling == "cls" else mean
            vectors = np.load(artifact / f"vectors-{layer}-{pooling}.npy")
            np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-5)
    values = xstilts.results(loaded, store).query("metric == 'mrr'").set_index("target")["value"]
    assert len(values) == 6
    assert values.nunique() > 2
    alone = xstilts.load(str(toy_file), [*SEARCH, "retrieval={layer: 1, pooling: cls}"])
    run_here(alone, tmp_path / "store")
    (one,) = xstilts.results(alone, store).query("metric == 'mrr'")["value"]
    assert one == values["toy-search (layer 1, cls)"]


def test_the_last_layer_has_the_keys_of_its_number(toy_file: Path) -> None:
    last, second, first = (
        stages(xstilts.load(str(toy_file), [*SEARCH, f"retrieval.layer={layer}"]), "embed")
        for layer in ("last", 2, 1)
    )
    assert last
    assert {stage.key for stage in last} == {stage.key for stage in second}
    assert {stage.key for stage in last}.isdisjoint(stage.key for stage in first)


@pytest.mark.parametrize("wrong", ["{layer: []}", "{layer: [1, 1]}", "{pooling: [mean, mean]}"])
def test_a_sweep_with_an_empty_or_repeated_list_is_rejected(toy_file: Path, wrong: str) -> None:
    with pytest.raises(ConfigError, match="without duplicates"):
        xstilts.load(str(toy_file), [*SEARCH, f"retrieval={wrong}"])


def test_predictions_equal_brute_force_search(
    toy_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(toy_file), [*SEARCH, "retrieval.layer=2"])
    store = run_here(loaded, tmp_path / "store")
    (search,) = stages(loaded, "search")
    sides = {}
    for side in ("here", "english"):
        rows = read_rows(store.artifact(search.inputs[f"rows:{side}"]) / "rows.parquet")
        vectors = np.load(store.artifact(search.inputs[f"vectors:{side}"]) / "vectors-2-mean.npy")
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        sides[side] = {
            row["id"]: (row["meaning"], vector) for row, vector in zip(rows, unit, strict=True)
        }
    rows = found(store, search)
    assert len(rows) == 2 * len(sides["here"])
    for row in rows:
        names = ("here", "english") if row["direction"] == "to_en" else ("english", "here")
        asked, pool = (sides[name] for name in names)
        meaning, vector = asked[row["id"]]
        near = {name: float(vector @ other) for name, (_, other) in pool.items()}
        assert near[row["prediction"]] == pytest.approx(max(near.values()), abs=1e-6)
        right = max(near[name] for name, (other, _) in pool.items() if other == meaning)
        before = sum(near[name] >= right for name, (other, _) in pool.items() if other != meaning)
        assert row["rank"] == before + 1


# XTREME's files


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment over Tatoeba (de aligned, fr as XTREME has it) and BUCC (de), tiny."""
    folder = tmp_path_factory.mktemp("retrieval")
    write_encoder(folder / "encoder")

    def write(name: str, lines: list[str]) -> None:
        path = folder / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n")

    same = [*TEXTS[:9], TEXTS[3]]  # lines 3 and 9 are equal
    for language in ("deu", "eng"):
        write(f"tatoeba-v1/tatoeba.deu-eng.{language}", same)
    write("tatoeba/fr-en.fr", same)
    write("tatoeba/fr-en.en", sorted(same))
    for split, start in (("dev", 0), ("test", 1)):
        pairs = range(start, 60, 3)
        write(f"bucc2018/de-en.{split}.de", [f"de-{n}\t{TEXTS[n]} {n}" for n in range(60)])
        write(
            f"bucc2018/de-en.{split}.en",
            [f"en-{n}\t{TEXTS[n]} {n if n in pairs else 99 - n}" for n in range(60)]
            + [f"en-{n}\t{n} {n + 7} {n - 5}" for n in range(60, 90)],
        )
        write(f"bucc2018/de-en.{split}.gold", [f"de-{n}\ten-{n}" for n in pairs])
    path = folder / "grid.yaml"
    path.write_text(
        "name: grid\nencoder: ./encoder\ndata: data\nintermediate: [none]\ntargets: [bucc]\n"
        "languages: [de]\nretrieval: {layer: 2}\n"
    )
    return path


def test_equal_texts_count_as_correct_except_in_tatoeba_accuracy(
    grid: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(grid), ["targets=[tatoeba]"])
    store = run_here(loaded, tmp_path / "store")
    (score,) = stages(loaded, "score")
    values = scores(store, score)
    assert values["accuracy_at_1"] == values["mrr"] == 1.0
    assert values["tatoeba_accuracy"] == 0.9  # line 9 finds line 3


def test_unaligned_files_are_searched_but_not_scored(grid: Path, tmp_path: Path) -> None:
    loaded = xstilts.load(str(grid), ["targets=[tatoeba]", "languages=[fr]"])
    store = Store(tmp_path / "store").prepare()
    (score,) = stages(loaded, "score")
    for stage in compile_experiment(loaded).plan.stages:
        if stage != score:
            execute_stage(store, stage, lambda _: None)
    (search,) = stages(loaded, "search")
    rows = found(store, search)
    assert {row["rank"] for row in rows} == {0}
    english, foreign = (
        (grid.parent / "data" / "tatoeba" / f"fr-en.{side}").read_text().splitlines()
        for side in ("en", "fr")
    )
    from_english = [row for row in rows if row["direction"] == "from_en"]
    assert from_english
    for row in from_english:
        assert foreign[int(row["prediction"])] == english[int(row["id"])]
    with pytest.raises(DataError, match="not scored"):
        execute_stage(store, score, lambda _: None)


def f1(rows: list[dict[str, Any]], gold: set[tuple[str, str]], threshold: float) -> float:
    kept = {
        (row["id"], row["prediction"])
        for row in rows
        if row["score"] >= threshold and not row["repeated"]
    }
    return 2 * len(kept & gold) / (len(kept) + len(gold))


def gold_of(grid: Path, split: str) -> set[tuple[str, str]]:
    text = (grid.parent / "data" / "bucc2018" / f"de-en.{split}.gold").read_text()
    return {(cells[0], cells[1]) for cells in map(str.split, text.splitlines())}


def test_the_mining_threshold_of_test_is_tuned_on_dev(
    grid: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(grid))
    store = run_here(loaded, tmp_path / "store")
    dev, test = sorted(stages(loaded, "mine"), key=lambda stage: len(stage.inputs))
    assert "threshold" not in store.artifact(dev.key).facts
    threshold = store.artifact(test.key).facts["threshold"]
    on_dev, gold = found(store, dev), gold_of(grid, "dev")
    best = max(f1(on_dev, gold, row["score"]) for row in on_dev)
    assert f1(on_dev, gold, threshold) == best > 0.5
    (score,) = stages(loaded, "score")
    values = scores(store, score)
    expected = f1(found(store, test), gold_of(grid, "test"), threshold)
    assert values["mining_f1"] == pytest.approx(expected, abs=1e-9)
    assert values["mining_f1_best"] >= values["mining_f1"] > 0.5


def test_the_mining_threshold_is_cross_validated_without_a_second_split(
    grid: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(grid), ["splits.bucc.test=dev"])
    store = run_here(loaded, tmp_path / "store")
    (mine,) = stages(loaded, "mine")
    assert "threshold" not in store.artifact(mine.key).facts
    (score,) = stages(loaded, "score")
    inputs = {role: store.artifact(key) for role, key in score.inputs.items()}
    work = StageContext(score, inputs, tmp_path, tmp_path, lambda _: None)
    names, gold = translations(work, "")
    crossed = METRICS.get("mining_f1_crossvalidated")
    table = crossed.statistics(gold, MiningResult(read_mined(inputs["predictions"], names)), "")
    assert scores(store, score)["mining_f1"] == pytest.approx(float(crossed.value(table.sum(0))))


def gold_under(loaded: LoadedExperiment, folder: Path) -> tuple[list[list[str]], int]:
    """The gold that a score sees, and how many of its sentences have one in the file."""
    store = Store(folder).prepare()
    (score,) = stages(loaded, "score")
    rows = {role: key for role, key in score.inputs.items() if role.startswith("rows")}
    for stage in stages(loaded, "prepare"):
        if stage.key in rows.values():
            execute_stage(store, stage, lambda _: None)
    inputs = {role: store.artifact(key) for role, key in rows.items()}
    work = StageContext(score, inputs, folder, folder, lambda _: None)
    names, gold = translations(work, "")
    english = {row["id"] for row in read_rows(inputs["rows:english"] / "rows.parquet")}
    assert all(name in english for partners in gold for name in partners)
    return gold, sum((name, f"en-{name[3:]}") in gold_of_all(loaded) for name in names)


def gold_of_all(loaded: LoadedExperiment) -> set[tuple[str, str]]:
    return gold_of(Path(loaded.origin), "dev")


def test_limits_keep_pairs_and_gold_excludes_omitted_sentences(grid: Path, tmp_path: Path) -> None:
    loaded = xstilts.load(str(grid), ["splits.bucc.test=dev", "limits.test=30"])
    gold, listed = gold_under(loaded, tmp_path)
    kept = sum(map(len, gold))
    assert len(gold) == 30
    assert 0 < kept <= listed
    assert kept > 20 * (30 / 60) * (30 / 90)  # more than two draws apart from each other would


def test_split_slices_never_separate_a_pair(grid: Path, tmp_path: Path) -> None:
    halves = []
    for number, part in enumerate(("dev[:50%]", "dev[50%:]")):
        loaded = xstilts.load(str(grid), [f"splits.bucc={{dev: test, test: '{part}'}}"])
        gold, listed = gold_under(loaded, tmp_path / str(number))
        halves.append(sum(map(len, gold)))
        assert halves[-1] == listed
    assert sum(halves) == 20
    assert min(halves) > 0
    tuned = xstilts.load(str(grid), ["splits.bucc={dev: 'dev[:50%]', test: 'dev[50%:]'}"])
    assert len(stages(tuned, "mine")) == 2


def test_aligned_files_take_precedence_over_shuffled_ones(grid: Path, tmp_path: Path) -> None:
    task = TASKS.get("tatoeba")
    assert task.with_data_dir
    made = task.with_data_dir(grid.parent / "data")
    german, french = (list(made.read("test", code)) for code in ("de", "fr"))
    assert all(one.meaning == one.id for one in german)  # type: ignore[union-attr]
    assert {one.meaning for one in french} == {""}  # type: ignore[union-attr]
    assert [one.id for one in german] == [one.id for one in french]
    assert [one.id for one in german] == [one.id for one in made.read("test", "en:de")]
    assert sorted(int(one.id) for one in german) == list(range(10))
