"""Tables of benchmarks, and `languages: BENCHMARK` in an experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import xstilts
from xstilts.config.experiment import Experiment
from xstilts.languages import suite
from xstilts.planning.resolve import ResolvedExperiment
from xstilts.planning.variants import make_variant
from xstilts.tasks import TASKS
from xstilts.tasks.benchmarks import BENCHMARKS, XTREME, XTREME_R, Benchmark
from xstilts.tasks.io.sources import PARQUET

ADDED = {
    "udpos": "izhx/xtreme-r-udpos",
    "pan-x": "unimelb-nlp/wikiann",
    "tatoeba": "mteb/tatoeba-bitext-mining",
    "xcopa": "cambridgeltl/xcopa",
}
SIZES = {
    "xtreme": {
        "xnli": 15,
        "paws-x": 7,
        "udpos": 33,
        "pan-x": 40,
        "xquad": 11,
        "mlqa": 7,
        "tydiqa": 9,
        "bucc": 4,
        "tatoeba": 36,
    },
    "xtreme-r": {
        "xnli": 15,
        "xcopa": 11,
        "udpos": 38,
        "pan-x": 48,
        "xquad": 12,
        "mlqa": 7,
        "tydiqa": 9,
        "tatoeba": 41,
        "mewsli-x": 11,
        "lareqa-xquad-r": 11,
    },
}


def languages(target: str, *changes: str) -> set[str]:
    loaded = xstilts.load("home", [f"targets=[{target}]", *changes])
    resolved = ResolvedExperiment(loaded)
    return set(resolved.languages(resolved.task(target)))


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_tables_have_the_published_numbers_of_languages(benchmark: Benchmark) -> None:
    assert {task: len(codes) for task, codes in benchmark.languages.items()} == SIZES[
        benchmark.name
    ]
    assert all(len(set(codes)) == len(codes) for codes in benchmark.languages.values())
    grouped = [task for tasks in benchmark.groups.values() for task in tasks]
    assert sorted(grouped) == sorted(benchmark.metrics) == sorted(benchmark.languages)


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS)
def test_tasks_have_all_languages_of_a_benchmark(benchmark: Benchmark) -> None:
    for name, codes in benchmark.languages.items():
        if name in TASKS:
            assert set(codes) <= set(TASKS.get(name).languages), name
    every = {code for codes in benchmark.languages.values() for code in codes}
    assert every == {one.code for one in suite(benchmark.name)}


def test_an_experiment_can_name_every_benchmark() -> None:
    known = get_args(get_args(Experiment.model_fields["languages"].annotation)[1])
    assert set(known) == {"all", *BENCHMARKS}


@pytest.mark.parametrize("target", ["udpos", "pan-x", "xquad", "tatoeba", "xnli"])
def test_a_benchmark_selects_its_languages_of_each_target(target: str) -> None:
    xtreme, xtreme_r = (languages(target, f"languages={name}") for name in BENCHMARKS)
    assert xtreme == set(XTREME.languages[target])
    assert xtreme_r == set(XTREME_R.languages[target]) == languages(target, "languages=all")


def test_a_target_outside_of_the_benchmark_keeps_all_languages() -> None:
    assert languages("bucc", "languages=xtreme-r") == {"de", "fr", "ru", "zh"}
    assert languages("xcopa", "languages=xtreme") == set(XTREME_R.languages["xcopa"])


def test_task_languages_precede_the_benchmark() -> None:
    changes = ("languages=xtreme", "task_languages={udpos: [lt, de]}")
    assert languages("udpos", *changes) == {"lt", "de"}


def test_variants_keep_the_benchmark() -> None:
    loaded = xstilts.load("home", ["targets=[udpos, xquad]", "languages=xtreme"])
    variant = ResolvedExperiment(make_variant(loaded, ["xquad"], ["none"], {}))
    assert "ro" not in variant.languages(variant.task("xquad"))


UDPOS_ROW = {"tokens": ["a", "b"], "pos_tags": [0, 16]}
PAN_X_ROW = {"tokens": ["a", "b"], "ner_tags": [5, 6]}
PAIR = {"sentence1": "labas", "sentence2": "hello"}
COPA_ROW = {
    "premise": "a",
    "choice1": "b",
    "choice2": "c",
    "question": "cause",
    "idx": 3,
    "label": 1,
    "changed": False,
}


@pytest.mark.parametrize(
    ("task", "split", "language", "file", "row", "values"),
    [
        ("udpos", "test", "wo", "wo/test/0000.parquet", UDPOS_ROW, {"tags": ("ADJ", "X")}),
        (
            "pan-x",
            "dev",
            "qu",
            "qu/validation/0000.parquet",
            PAN_X_ROW,
            {"tags": ("B-LOC", "I-LOC")},
        ),
        ("tatoeba", "test", "lt", "lit-eng/test-00000-of-00001.parquet", PAIR, {"text": "labas"}),
        (
            "tatoeba",
            "test",
            "en:lt",
            "lit-eng/test-00000-of-00001.parquet",
            PAIR,
            {"text": "hello"},
        ),
        ("xcopa", "test", "qu", "qu/test-00000-of-00001.parquet", COPA_ROW, {"label": "1"}),
    ],
)
def test_languages_of_xtreme_r_are_read_from_hub_data_that_have_them(
    task: str,
    split: str,
    language: str,
    file: str,
    row: dict[str, Any],
    values: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "rows.parquet")
    asked: list[tuple[str, str, str]] = []

    def download(repo_id: str, filename: str, *, repo_type: str, revision: str) -> str:
        asked.append((repo_id, filename, revision))
        return str(tmp_path / "rows.parquet")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    (example,) = TASKS.get(task).read(split, language)
    assert {name: getattr(example, name) for name in values} == values
    ((dataset, found, revision),) = asked
    assert (dataset, found) == (ADDED[task], file)
    assert (revision == PARQUET) == (task in ("udpos", "pan-x"))


def test_both_sides_of_a_pair_share_their_meaning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pq.write_table(pa.Table.from_pylist([PAIR, PAIR]), tmp_path / "rows.parquet")
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda *_, **__: str(tmp_path / "rows.parquet")
    )
    sides = [
        [one.meaning for one in TASKS.get("tatoeba").read("test", side) if one.meaning]  # type: ignore[union-attr]
        for side in ("az", "en:az")
    ]
    assert sides[0] == sides[1]
    assert len(set(sides[0])) == 2
