"""XTREME's download: its layout, errors in files, and removed labels."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import DataError
from xstilts.formats.base import BadRow
from xstilts.planning.compile import compile_experiment
from xstilts.tasks import TASKS
from xstilts.tasks.benchmarks import XTREME as XTREME_TABLE
from xstilts.tasks.validate import validated
from xstilts.testing.task_files import task, write
from xstilts.testing.tasks import check_task
from xstilts.testing.tiny import write_encoder

XTREME = ("mlqa", "pan-x", "paws-x", "tydiqa", "udpos", "xnli", "xquad")


def squad(*answers: str) -> str:
    paragraphs = [
        {
            "context": f"here is {answer or 'something'}",
            "qas": [
                {
                    "id": str(number),
                    "question": "what",
                    "answers": [{"text": answer, "answer_start": 8}],
                }
            ],
        }
        for number, answer in enumerate(answers)
    ]
    return json.dumps({"data": [{"paragraphs": paragraphs}]})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "dev"):
        write(tmp_path, f"xnli/{split}-en.tsv", "a\tb\tneutral\nc\td\tentailment\n")
        write(tmp_path, f"pawsx/{split}-en.tsv", "a\tb\t0\nc\td\t1\n")
        write(tmp_path, f"panx/{split}-en.tsv", "Rome\tB-LOC\nis\tO\n\nAnna\tB-PER\n\n")
        write(tmp_path, f"udpos/{split}-en.tsv", "Rome\tPROPN\nis\tAUX\n\nGo\tVERB\n")
        write(tmp_path, f"squad/{split}-v1.1.json", squad("a cat", "a dog"))
    write(tmp_path, "mlqa/MLQA_V1/dev/dev-context-en-question-en.json", squad("x", "y"))
    write(tmp_path, "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", squad("x", "y"))
    write(tmp_path, "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.en.dev.json", squad("x", "y"))
    write(tmp_path, "xnli/test-de.tsv", "a\tb\nc\td\n")
    write(tmp_path, "panx/test-de.tsv", "Rom\nist\n\nAnna\n\n")
    return tmp_path


@pytest.mark.parametrize("name", XTREME)
def test_xtreme_tasks_pass_check_task(folder: Path, name: str) -> None:
    made = task(name, folder)
    for split in ("train", "dev"):
        have = tuple(code for code in made.splits[split] if code == "en")
        check_task(replace(made, splits={split: have}))


@pytest.mark.parametrize("name", XTREME)
def test_every_evaluation_split_has_a_known_size(name: str) -> None:
    made = TASKS.get(name)
    wanted = {("test", code) for code in XTREME_TABLE.languages[name]}
    wanted |= {("train", "en"), ("dev", "en")}
    assert wanted <= made.sizes.keys()
    assert all(code in made.splits[split] for split, code in made.sizes)


def test_planning_uses_the_hub_without_a_data_folder() -> None:
    made = TASKS.get("xnli")
    assert str(made.origin("dev", "sw")[0]).startswith("hub facebook/xnli@b8dd")
    compile_experiment(xstilts.load("home", ["targets=[xnli]", "languages=[en, sw]"]))


def test_keys_depend_on_file_contents_and_not_on_paths(folder: Path, tmp_path: Path) -> None:
    def digest(place: Path) -> str:
        return task("xnli", place).fingerprint("dev", "en")

    other = tmp_path / "other"
    write(other, "xnli/dev-en.tsv", (folder / "xnli/dev-en.tsv").read_text())
    assert digest(folder) == digest(other)
    write(other, "xnli/dev-en.tsv", "a\tb\tneutral\n")
    assert digest(folder) != digest(other)


def test_removed_labels_are_blank_and_not_errors(folder: Path) -> None:
    made = task("xnli", folder)
    kept, _ = validated(made.read("test", "de"), made, "test", "de")
    assert made.format_spec.gold_is_blank([example.label for example in kept])  # type: ignore[union-attr]
    made = task("pan-x", folder)
    kept, _ = validated(made.read("test", "de"), made, "test", "de")
    assert {example.tokens for example in kept} == {("Rom", "ist"), ("Anna",)}  # type: ignore[union-attr]
    assert made.format_spec.gold_is_blank([example.tags for example in kept])  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\tc\td\n", "separated by tabs: 4 columns"),
        ("a\tb\tmaybe\n", "label outside the set"),
        ("\tb\tneutral\n", "empty text"),
    ],
)
def test_bad_rows_are_named_with_file_and_line(folder: Path, text: str, message: str) -> None:
    write(folder, "xnli/dev-en.tsv", text)
    made = task("xnli", folder)
    with pytest.raises(DataError, match=message) as caught:
        validated(made.read("dev", "en"), made, "dev", "en")
    assert "dev-en.tsv:1" in str(caught.value)


def test_parallel_sets_keep_a_common_order(folder: Path) -> None:
    for code in ("en", "sw"):
        lines = "".join(f"{code} {number}\tx\tneutral\n" for number in range(40))
        write(folder, f"xnli/test-{code}.tsv", lines)
    made = task("xnli", folder)
    english, swahili = (list(made.read("test", code)) for code in ("en", "sw"))
    assert [one.id for one in english] == [one.id for one in swahili]
    assert [one.text[3:] for one in english] == [one.text[3:] for one in swahili]  # type: ignore[union-attr]
    assert [one.text for one in english] != [f"en {number}" for number in range(40)]  # type: ignore[union-attr]


@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n"])
def test_a_blank_line_keeps_the_ids_of_the_pairs_below(folder: Path, blank: str, end: str) -> None:
    write(folder, "xnli/test-sw.tsv", f"a\tb\tneutral\n{blank}\ne\tf\tneutral{end}")
    rows = {one.id: one for one in task("xnli", folder).read("test", "sw")}
    assert rows.keys() == {"test-0", "test-1", "test-2"}
    assert isinstance(rows["test-1"], BadRow)
    assert rows["test-1"].where.endswith("test-sw.tsv:2")
    assert rows["test-2"].text == "e"  # type: ignore[union-attr]


def test_missing_files_are_read_from_the_hub(folder: Path) -> None:
    made = task("xquad", folder)
    assert str(made.origin("dev", "en")[0]).endswith("squad/dev-v1.1.json")
    assert str(made.origin("test", "de")[0]).startswith("hub google/xquad@51ad")


@pytest.mark.usefixtures("in_process")
def test_dev_evaluation_uses_dev_splits(folder: Path, tmp_path: Path) -> None:
    write(folder, "xnli/dev-de.tsv", "a\tb\tneutral\nc\td\tentailment\n")
    loaded = xstilts.load(
        "home",
        [
            f"encoder={write_encoder(tmp_path / 'encoder')}",
            *("intermediate=[none]", "targets=[xnli]", "languages=[en, de]", "seeds=[0]"),
            *("eval_split=dev", "recipes.target.epochs=1"),
        ],
        data=folder,
    )
    outcome = xstilts.run(loaded, tmp_path / "store", workers=1)
    assert outcome.exit_code == 0, outcome.failed
    frame = xstilts.results(loaded, tmp_path / "store")
    assert set(frame["split"]) == {"dev"}
    assert set(frame["language"]) == {"en", "de"}
