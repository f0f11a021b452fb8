"""Search in one pool of candidates in all languages, from files to scores."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError, DataError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment
from xstilts.planning.pooled_retrieval import languages_without_candidates
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.stages.io.rows import read_rows
from xstilts.stages.search_pool import EQUAL_TEXTS, WITHOUT_ANSWER
from xstilts.testing.tiny import WORDS_BY_KIND, in_language, write_encoder

Runner = Callable[[LoadedExperiment, Path], Store]
THINGS = [thing for things in WORDS_BY_KIND.values() for thing in things]
LANGUAGES = ("en", "xx")
LAYER, POOLING = 2, "mean"


def queries(language: str) -> list[dict[str, object]]:
    return [
        {
            "id": f"q{number}",
            "text": in_language(f"where is my {thing} now", language),
            "keys": [thing],
            "group": thing,
        }
        for number, thing in enumerate(THINGS)
    ]


def candidates(language: str) -> list[dict[str, object]]:
    """The answers to all questions but one, another sentence about each, and two texts twice."""
    rows: list[dict[str, object]] = []
    for thing in THINGS[1:]:
        for frame, keys in (("the {} is here", [thing]), ("I saw a {} today", [])):
            text = in_language(frame.format(thing), language)
            rows.append({"text": text, "keys": keys, "context": "please", "group": thing})
    again = {**rows[1], "keys": [THINGS[1]]}
    wrong = rows[3]  # wrong both times
    return [{"id": f"{language}{n}", **row} for n, row in enumerate([*rows, again, wrong])]


@pytest.fixture(scope="module")
def experiment_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pooled")
    write_encoder(folder / "encoder")
    for language in LANGUAGES:
        for name, rows in (
            (language, queries(language)),
            (f"candidates-{language}", candidates(language)),
        ):
            text = "".join(json.dumps(row) + "\n" for row in rows)
            (folder / f"test-{name}.jsonl").write_text(text)
    tree = {
        "name": "pooled",
        "encoder": "encoder",
        "intermediate": ["none"],
        "targets": ["answers"],
        "tasks": {
            "answers": {
                "format": "answer_retrieval",
                "files": "{split}-{language}.jsonl",
                "splits": {"test": ["en", "xx", "candidates-en", "candidates-xx"]},
            }
        },
    }
    path = folder / "pooled.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


def stages(loaded: LoadedExperiment, kind: str) -> list[Stage]:
    return [stage for stage in compile_experiment(loaded).plan.stages if stage.kind == kind]


def rows_of(store: Store, key: str, name: str = "rows.parquet") -> list[dict[str, object]]:
    return read_rows(store.artifact(key) / name)


def score(store: Store, stage: Stage) -> dict[str, float]:
    return store.artifact(stage.key).facts["scores"]["map_at_20"]


def by_hand(store: Store, search: Stage) -> list[float]:
    """Average precision at 20 of each query with a right answer, one candidate after the other.

    Candidates with the text of a right one, but without its key, are left out.
    """
    pool = []
    for role, key in search.inputs.items():
        if role.startswith("rows:pool:"):
            vectors = np.load(
                store.artifact(search.inputs[role.replace("rows:", "vectors:")])
                / f"vectors-{LAYER}-{POOLING}.npy"
            )
            pool += list(zip(rows_of(store, key), vectors, strict=True))
    text_keys: dict[object, set[str]] = {}
    for row, _ in pool:
        text_keys.setdefault((row["text"], row["context"]), set()).update(row["keys"])
    precisions = []
    vectors = np.load(
        store.artifact(search.inputs["vectors:queries"]) / f"vectors-{LAYER}-{POOLING}.npy"
    )
    for query, vector in zip(rows_of(store, search.inputs["rows:queries"]), vectors, strict=True):
        ranked = sorted(
            (
                -round(float(other @ vector) / np.linalg.norm(other) / np.linalg.norm(vector), 6),
                not set(row["keys"]).isdisjoint(query["keys"]),
            )
            for row, other in pool
            if not set(row["keys"]).isdisjoint(query["keys"])
            or text_keys[row["text"], row["context"]].isdisjoint(query["keys"])
        )
        right = [is_right for _, is_right in ranked]
        if any(right):
            hits = np.cumsum(right[:20]) / np.arange(1, 21)
            precisions.append(float(hits[right[:20]].sum()) / min(20, sum(right)))
    return precisions


def test_scores_equal_a_search_by_hand_in_the_pool_of_all_languages(
    experiment_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(experiment_file), [f"retrieval.layer={LAYER}"])
    store = run_here(loaded, tmp_path / "store")
    searches = {stage.label.split()[-1]: stage for stage in stages(loaded, "search-pool")}
    assert sorted(searches) == ["en", "xx"]
    for stage in stages(loaded, "score"):
        search = searches[stage.label.split()[-1]]
        expected = by_hand(store, search)
        assert score(store, stage)["n"] == len(expected) == len(THINGS) - 1
        assert score(store, stage)["value"] == pytest.approx(np.mean(expected), abs=1e-6)
        facts = store.artifact(search.key).facts
        assert facts["feature_problems"] == {WITHOUT_ANSWER: 1, EQUAL_TEXTS: 2}
        assert facts["candidates"] == 2 * len(candidates("en"))
        assert facts["candidates_without_query"] == 2 * len(THINGS)
    (example,) = (row for row in rows_of(store, search.key, "predictions.parquet")[1:2])
    assert len(example["prediction"]) == 20
    table = xstilts.results(loaded, store)
    assert set(table["metric"]) == {"map_at_20"}


def test_a_candidate_is_embedded_with_its_context(
    experiment_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(experiment_file), [f"retrieval.layer={LAYER}"])
    store = run_here(loaded, tmp_path / "store")
    (stage,) = (one for one in stages(loaded, "embed") if one.label.endswith("candidates-en"))
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = experiment_file.parent / "encoder"
    tokenizer, plain = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
    row = rows_of(store, stage.inputs["rows"])[0]
    batch = tokenizer(row["text"], row["context"], return_tensors="pt")
    with torch.no_grad():
        states = plain.eval()(**batch, output_hidden_states=True).hidden_states[LAYER]
    vectors = np.load(store.artifact(stage.key) / f"vectors-{LAYER}-{POOLING}.npy")
    np.testing.assert_allclose(vectors[0], states[0].mean(0).numpy(), atol=1e-5)


def test_few_languages_and_limits_leave_the_pool_complete(experiment_file: Path) -> None:
    every = xstilts.load(str(experiment_file))
    one = xstilts.load(str(experiment_file), ["languages=[xx]", "limits.test=3"])
    pools = []
    for loaded in (every, one):
        search = next(s for s in stages(loaded, "search-pool") if s.label.endswith("xx"))
        pools.append({role: key for role, key in search.inputs.items() if ":pool:" in role})
    assert len(pools[0]) == 4
    assert pools[0] == pools[1]
    prepared = {stage.params["language"]: stage.params["limit"] for stage in stages(one, "prepare")}
    assert prepared == {"xx": 3, "candidates-en": None, "candidates-xx": None}


def test_a_slice_has_queries_and_candidates_of_the_same_groups(
    experiment_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    loaded = xstilts.load(str(experiment_file), ["splits={answers: {test: 'test[:50%]'}}"])
    store = run_here(loaded, tmp_path / "store")
    groups = {
        stage.params["language"]: {row["group"] for row in rows_of(store, stage.key)}
        for stage in stages(loaded, "prepare")
    }
    assert 0 < len(groups["en"]) < len(THINGS) - 1
    assert groups["xx"] == groups["en"]
    assert groups["candidates-en"] == groups["candidates-xx"] == groups["en"] - {THINGS[0]}


@pytest.mark.parametrize("splits", ["[en, xx]", "[candidates-en]"])
def test_a_pool_or_languages_that_are_missing_are_named(experiment_file: Path, splits: str) -> None:
    with pytest.raises(ConfigError, match=r"candidates|languages"):
        compile_experiment(
            xstilts.load(str(experiment_file), [f"tasks.answers.splits={{test: {splits}}}"])
        )


@pytest.mark.parametrize(
    ("splits", "lacking"),
    [
        ("[en, xx, candidates-en]", ("xx",)),
        ("[en, xx, candidates-en, candidates-xx]", ()),
        ("[en, xx, candidates]", ()),
    ],
)
def test_languages_without_candidates_are_named(
    experiment_file: Path, splits: str, lacking: tuple[str, ...]
) -> None:
    loaded = xstilts.load(str(experiment_file), [f"tasks.answers.splits={{test: {splits}}}"])
    resolved = ResolvedExperiment(loaded)
    assert languages_without_candidates(resolved, resolved.task("answers")) == lacking


def test_queries_whose_gold_was_removed_are_not_scored(
    experiment_file: Path, tmp_path: Path, run_here: Runner
) -> None:
    text = "".join(json.dumps({**row, "keys": []}) + "\n" for row in queries("en"))
    (experiment_file.parent / "blank-en.jsonl").write_text(text)
    for name in ("candidates-en", "candidates-xx"):
        target = experiment_file.parent / f"blank-{name}.jsonl"
        target.write_text((experiment_file.parent / f"test-{name}.jsonl").read_text())
    blank = ["tasks.answers.files='blank-{language}.jsonl'", "languages=[en]"]
    with pytest.raises(DataError, match="not scored"):
        run_here(xstilts.load(str(experiment_file), blank), tmp_path / "store")
