"""English tasks from the Hub: rows become examples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xstilts.core.errors import DataError
from xstilts.formats.span import SpanExample
from xstilts.tasks import TASKS
from xstilts.tasks.validate import validated
from xstilts.testing.tasks import check_task

HUB_ROWS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "mnli": ("train", {"premise": "a", "hypothesis": "b", "label": 2}, "contradiction"),
    "snli": ("dev", {"premise": "a", "hypothesis": "b", "label": 0}, "entailment"),
    "anli": ("dev", {"uid": "u", "premise": "a", "hypothesis": "b", "label": 1}, "neutral"),
    "sick": ("test", {"id": "1", "sentence_A": "a", "sentence_B": "b", "label": 1}, "neutral"),
    "qqp": ("train", {"question1": "a", "question2": "b", "label": 1}, "1"),
    "mrpc": ("test", {"sentence1": "a", "sentence2": "b", "label": 0}, "0"),
    "glue-rte": ("train", {"sentence1": "a", "sentence2": "b", "label": 1}, "not_entailment"),
    "stsb": ("train", {"sentence1": "a", "sentence2": "b", "label": np.float32(3.2)}, 3.2),
    "sick-relatedness": (
        "dev",
        {"id": "1", "sentence_A": "a", "sentence_B": "b", "relatedness_score": 4.5},
        4.5,
    ),
    "copa": (
        "dev",
        {"premise": "a", "choice1": "b", "choice2": "c", "question": "cause", "idx": 3, "label": 1},
        "1",
    ),
    "xnli": ("test", {"premise": "a", "hypothesis": "b", "label": 2}, "contradiction"),
    "paws-x": ("dev", {"sentence1": "a", "sentence2": "b", "label": 1}, "1"),
    "hellaswag": (
        "dev",
        {"ctx_a": "a", "ctx_b": "", "endings": ["a", "b", "c", "d"], "label": "3"},
        "3",
    ),
    "cosmosqa": (
        "train",
        {"id": "1", "context": "a", "question": "b", "label": 1}
        | {f"answer{number}": str(number) for number in range(4)},
        "1",
    ),
    "commonsenseqa": (
        "train",
        {
            "id": "1",
            "question": "a",
            "answerKey": "E",
            "choices": {"label": list("ABCDE"), "text": list("vwxyz")},
        },
        "E",
    ),
    "piqa": ("train", {"goal": "a", "sol1": "b", "sol2": "c", "label": 0}, "0"),
    "socialiqa": (
        "dev",
        {"context": "a", "question": "b", "label": "2\n"}
        | {f"answer{letter}": letter for letter in "ABC"},
        "B",
    ),
    "squad-retrieval": (
        "train",
        {
            "id": "english-1",
            "context": "It rained. Ann ran.",
            "question": "who?",
            "answers": {"text": ["Ann"], "answer_start": [11]},
        },
        "Ann ran.",
    ),
    "conll2000": ("test", {"tokens": ["a", "b"], "chunk_tags": [11, 12]}, ("B-NP", "I-NP")),
    "pan-x": ("dev", {"tokens": ["a", "b"], "ner_tags": [5, 6]}, ("B-LOC", "I-LOC")),
    "massive-intents": ("train", {"id": "1", "utt": "wake me", "intent": 48}, "alarm_set"),
    "massive-slots": (
        "train",
        {"id": "1", "utt": "on may one", "annot_utt": "on [date : may one]"},
        ("O", "B-date", "I-date"),
    ),
    "udpos": ("test", {"tokens": ["a", "b"], "pos_tags": [0, 16]}, ("ADJ", "X")),
    **{
        name: (
            split,
            {
                "id": "english-1",
                "context": "Ann ran.",
                "question": "who?",
                "answers": {"text": ["Ann"], "answer_start": [0]},
            },
            ("Ann",),
        )
        for name, split in {
            "squad-v1": "train",
            "squad-v2": "dev",
            "xquad": "test",
            "mlqa": "dev",
            "tydiqa": "train",
        }.items()
    },
}


@pytest.fixture
def offline_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The rows that every file of the hub holds."""
    held: list[dict[str, Any]] = []

    def download(repo_id: str, filename: str, *, repo_type: str, revision: str) -> str:
        path = tmp_path / filename.replace("/", "-")
        unique = [{**row, **({"uid": filename} if "uid" in row else {})} for row in held]
        pq.write_table(pa.Table.from_pylist(unique), path)
        return str(path)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    return held


@pytest.mark.parametrize("name", sorted(HUB_ROWS))
def test_hub_rows_become_examples(name: str, offline_hub: list[dict[str, Any]]) -> None:
    split, row, gold = HUB_ROWS[name]
    offline_hub.append(row)
    made = TASKS.get(name)
    found, complaints = validated(made.read(split, "en"), made, split, "en")
    assert set(complaints.counts) <= {"duplicate row, kept"}
    assert len(found) == (3 if name == "anli" else 1)
    (values,) = set(made.format_spec.gold_of_examples(found))
    assert values == gold


def test_every_hub_task_with_training_data_is_tested() -> None:
    trained = {name for name in TASKS if TASKS.get(name).hub and "train" in TASKS.get(name).splits}
    not_parquet = {"belebele", "xstorycloze"}  # in test_more_targets.py
    assert HUB_ROWS.keys() == trained - {"anli-plus", *not_parquet}


def test_tydiqa_training_uses_english_questions_only(offline_hub: list[dict[str, Any]]) -> None:
    row = HUB_ROWS["tydiqa"][1]
    offline_hub += [row | {"id": "finnish-2"}, row, row | {"question": "and?"}]
    made = TASKS.get("tydiqa")
    found = validated(made.read("train", "en"), made, "train", "en")[0]
    assert sorted(one.id for one in found) == ["english-1", "english-1#2"]
    (finnish,) = validated(made.read("test", "fi"), made, "test", "fi")[0]
    assert isinstance(finnish, SpanExample)
    assert finnish.id == "finnish-2"


@pytest.mark.parametrize(("given_start", "start"), [(4, 4), (0, 4), (11, 8), (99, 8)])
def test_answers_with_wrong_offsets_are_relocated(
    offline_hub: list[dict[str, Any]], given_start: int, start: int
) -> None:
    answers = {"text": ["ana"], "answer_start": [given_start]}
    offline_hub.append(HUB_ROWS["tydiqa"][1] | {"context": "One ana ana.", "answers": answers})
    made = TASKS.get("tydiqa")
    (found,) = validated(made.read("train", "en"), made, "train", "en")[0]
    assert isinstance(found, SpanExample)
    assert found.starts == (start,)


def test_an_answer_absent_from_its_context_is_a_bad_row(offline_hub: list[dict[str, Any]]) -> None:
    answers = {"text": ["Bob"], "answer_start": [0]}
    offline_hub.append(HUB_ROWS["tydiqa"][1] | {"answers": answers})
    made = TASKS.get("tydiqa")
    with pytest.raises(DataError, match="answer not in its context: 'Bob'"):
        validated(made.read("train", "en"), made, "train", "en")


def test_removed_labels_on_the_hub_are_blank(offline_hub: list[dict[str, Any]]) -> None:
    offline_hub.append(HUB_ROWS["qqp"][1] | {"label": -1})
    made = TASKS.get("qqp")
    assert [one.label for one in validated(made.read("test", "en"), made, "test", "en")[0]] == [""]  # type: ignore[union-attr]
    with pytest.raises(DataError, match="label outside the set: '-1'"):
        validated(made.read("dev", "en"), made, "dev", "en")


def test_hidden_scores_on_the_hub_are_blank(offline_hub: list[dict[str, Any]]) -> None:
    offline_hub.append(HUB_ROWS["stsb"][1] | {"label": -1.0})
    made = TASKS.get("stsb")
    (kept,) = validated(made.read("test", "en"), made, "test", "en")[0]
    assert made.format_spec.gold_is_blank(made.format_spec.gold_of_examples([kept]))
    with pytest.raises(DataError, match="score outside the bounds: -1, not 0 to 5"):
        validated(made.read("dev", "en"), made, "dev", "en")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("snli", "premise", "no gold label: the annotators disagreed"),
        ("paws-x", "sentence1", "no gold label"),
    ],
)
def test_examples_without_annotator_agreement_are_skipped(
    offline_hub: list[dict[str, Any]], name: str, text: str, message: str
) -> None:
    """One blank label would keep the whole test set from being scored."""
    good = HUB_ROWS[name][1]
    offline_hub += [good | {text: str(number)} for number in range(30)]
    offline_hub.append(good | {"label": -1})
    made = TASKS.get(name)
    kept, complaints = validated(made.read("test", "en"), made, "test", "en")
    assert len(kept) == 30
    assert complaints.counts == {message: 1}


@pytest.mark.parametrize("name", ["mnli", "qqp", "piqa", "conll2000", "squad-v2"])
def test_english_tasks_pass_check_task(name: str, offline_hub: list[dict[str, Any]]) -> None:
    split, row, _ = HUB_ROWS[name]
    label = next(key for key in ("label", "chunk_tags", "answers") if key in row)
    other = {
        "label": 0 if row.get("label") else 1,
        "chunk_tags": [0, 21],
        "answers": {"text": ["ran"], "answer_start": [4]},
    }[label]
    changed = {key: f"{value} 2" for key, value in row.items() if isinstance(value, str)}
    context = {"context": row["context"]} if "context" in row else {}
    words = {"tokens": ["c", "d"]} if "tokens" in row else {}
    offline_hub += [row, row | changed | context | words | {label: other}]
    check_task(replace(TASKS.get(name), splits={split: ("en",)}))
