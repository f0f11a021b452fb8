"""Mewsli-X's files: mentions, entities, and what of them cannot be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.formats.base import BadRow
from xstilts.formats.io.mewsli import CROSSES_SENTENCES, NO_ARTICLE, mention_text
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

TEXT = "Ann {of  Ulm} met Smith.\nHe left. Then Smith\nspoke."
SPANS = [{"start": 0, "end": 24}, {"start": 25, "end": 33}, {"start": 34, "end": 51}]


def mention(name: str, start: int, end: int, entity: str = "Q1", **changes: Any) -> dict[str, Any]:
    span = {"start": start, "end": end, "text": TEXT[start:end]}
    return {"example_id": name, "mention_span": span, "entity_id": entity, **changes}


def article(*mentions: dict[str, Any], language: str = "de", text: str = TEXT) -> dict[str, Any]:
    context = {
        "document_id": "d",
        "document_title": "t",
        "document_url": "u",
        "language": language,
        "text": text,
        "sentence_spans": SPANS,
    }
    return {"context": context, "mentions": list(mentions)}


def entity(name: str, text: str = "A town. On a river.") -> dict[str, Any]:
    return {
        "entity_id": name,
        "title": name,
        "description": text,
        "sentence_spans": [{"start": 0, "end": 7}, {"start": 8, "end": 19}],
        "description_language": "de",
        "description_url": "u",
    }


def write(folder: Path, name: str, *lines: Any) -> None:
    path = folder / "mewslix" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def task(folder: Path, name: str = "mewsli-x") -> TaskSpec:
    made = TASKS.get(name)
    assert made.with_data_dir
    return made.with_data_dir(folder)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (18, 23, "Smith: Ann (of Ulm) met { Smith } ."),
        (39, 44, "Smith: Then { Smith } spoke."),
        (0, 3, "Ann: { Ann } (of Ulm) met Smith."),
    ],
)
def test_a_mention_is_read_with_its_sentence_in_braces(start: int, end: int, expected: str) -> None:
    found = article(mention("m", start, end))
    assert mention_text(found["context"], found["mentions"][0], "here") == expected


def test_mentions_and_entities_share_the_entity_as_key(tmp_path: Path) -> None:
    write(
        tmp_path,
        "wikinews_mentions-test.jsonl",
        article(mention("m1", 18, 23), mention("m2", 0, 3, "Q2")),
        article(mention("m3", 0, 3), language="en"),
    )
    write(tmp_path, "candidate_set_entities.jsonl", entity("Q1"), entity("Q2", "A man.  Who was."))
    queries = {one.id: one for one in task(tmp_path).read("test", "de")}
    pool = {one.id: one for one in task(tmp_path).read("test", "candidates")}
    assert {name: (one.keys, one.group) for name, one in queries.items()} == {
        "m1": (("Q1",), "Q1"),
        "m2": (("Q2",), "Q2"),
    }
    assert [one.id for one in task(tmp_path).read("test", "en")] == ["m3"]
    assert (pool["Q1"].text, pool["Q1"].keys, pool["Q1"].group) == (
        "A town. On a river.",
        ("Q1",),
        "Q1",
    )


def test_removed_entities_come_from_the_file_of_labels(tmp_path: Path) -> None:
    write(tmp_path, "wikinews_mentions/test-de.jsonl", article(mention("m1", 18, 23, "")))
    (unlabelled,) = task(tmp_path).read("test", "de")
    before = task(tmp_path).fingerprint("test", "de")
    write(tmp_path, "wikinews_labels/test-de.json", {"m1": ["Q7"]})
    (labelled,) = task(tmp_path).read("test", "de")
    assert (unlabelled.keys, labelled.keys) == ((), ("Q7",))
    assert task(tmp_path).fingerprint("test", "de") != before
    assert TASKS.get("mewsli-x").format_spec.gold_is_blank([unlabelled.keys])


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (article(mention("m", 20, 30)), CROSSES_SENTENCES),
        (article(mention("m", 18, 23), text=""), NO_ARTICLE),
        (article(mention("m", 40, 99)), "span outside"),
        (
            article(mention("m", 0, 3, mention_span={"start": 0, "end": 3, "text": "Bob"})),
            "another text",
        ),
        (article({"example_id": "m"}), "entity_id"),
        ({"context": {"language": "de"}, "mentions": 3}, "not a list"),
        ({"mentions": []}, "context"),
    ],
)
def test_a_mention_that_cannot_be_read_is_a_bad_row(
    tmp_path: Path, line: dict[str, Any], problem: str
) -> None:
    write(tmp_path, "wikinews_mentions-dev.jsonl", article(mention("good", 0, 3)), line)
    bad = [one for one in task(tmp_path).read("dev", "de") if isinstance(one, BadRow)]
    assert len(bad) == 1
    assert problem in bad[0].problem
    assert "wikinews_mentions-dev.jsonl:2" in (bad[0].where or "")


def test_an_entity_without_description_is_a_bad_row(tmp_path: Path) -> None:
    broken = {key: value for key, value in entity("Q2").items() if key != "description"}
    write(tmp_path, "candidate_set_entities.jsonl", entity("Q1"), broken)
    bad = [one for one in task(tmp_path).read("dev", "candidates") if isinstance(one, BadRow)]
    assert ["description" in one.problem for one in bad] == [True]


def test_the_sizes_are_the_published_ones() -> None:
    made = TASKS.get("mewsli-x")
    totals = {
        split: sum(made.sizes[split, code] for code in made.languages_of(split))
        for split in ("dev", "test")
    }
    assert totals == {"dev": 2_991, "test": 14_624}
    assert made.sizes["test", "candidates"] == 1_003_893


def pair(name: str, description: str, **changes: Any) -> dict[str, Any]:
    one = article(mention(name, 18, 23))
    return {
        "contextual_mention": {"context": one["context"], "mention": one["mentions"][0]},
        "entity": entity("Q1", description),
        **changes,
    }


def test_training_pairs_are_read_as_queries_and_candidates_are(tmp_path: Path) -> None:
    lines = [pair("m1", "A town. On a river."), pair("m2", "A man.  Who was."), pair("m3", "A")]
    write(tmp_path, "wikipedia_pairs-train.jsonl", *lines, {"entity": entity("Q1")})
    rows = {one.id: one for one in task(tmp_path, "mewsli-x-pairs").read("train", "en")}
    assert rows["m1"].query == "Smith: Ann (of Ulm) met { Smith } ."
    assert rows["m1"].passage == "A town. On a river."
    assert isinstance(rows["train-2"], BadRow)  # its sentences are outside its description
    assert "contextual_mention" in rows["train-3"].problem
    assert TASKS.get("mewsli-x").train_task == "mewsli-x-pairs"
