"""One file used by two tasks is recognised; malformed files are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.core.stage import Stage
from xstilts.formats.base import BadRow
from xstilts.formats.io.squad import read_squad
from xstilts.planning.compile import compile_experiment
from xstilts.planning.shared_rows import share_examples
from xstilts.tasks import TASKS
from xstilts.testing.task_files import write


def refusal(folder: Path, target: str, splits: str) -> str:
    changes = [f"targets=[{target}]", "intermediate=[none]", "languages=all", f"data={folder}"]
    with pytest.raises(ConfigError) as caught:
        compile_experiment(xstilts.load("home", [*changes, f"splits={splits}"]))
    return str(caught.value)


def test_mnli_read_from_the_xnli_dev_set_is_rejected_as_training_data_for_xnli(
    tmp_path: Path,
) -> None:
    write(tmp_path, "xnli/dev-en.tsv", "a\tb\tneutral\n")
    shares = "{mnli: {train: 'dev[:50%]', dev: 'dev[50%:]'}, xnli: {test: dev}}"
    assert "are the same file" in refusal(tmp_path, "xnli", shares)


def test_the_evaluated_tydiqa_file_is_rejected_as_training_data(tmp_path: Path) -> None:
    write(tmp_path, "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.en.dev.json", '{"data": []}')
    shares = "{tydiqa: {train: 'dev[:90%]', dev: 'dev[90%:]'}}"
    assert "are the same file" in refusal(tmp_path, "tydiqa", shares)


def prepared(task: str, split: str, data: str, **share: list[int]) -> Stage:
    params = {"task": task, "split": split, "language": "en", "data": data, **share}
    return Stage("prepare", 1, params)


def test_selection_on_the_evaluated_examples_is_detected() -> None:
    dev, test = prepared("tydiqa", "dev", "x"), prepared("tydiqa", "test", "x")
    assert share_examples(dev, test)
    assert not share_examples(dev, prepared("tydiqa", "test", "y"))
    low, high = (prepared("pan-x", "dev", "x", share=part) for part in ([0, 40], [40, 100]))
    assert not share_examples(low, high)
    package = (prepared("home-intents", split, "x") for split in ("dev", "test"))
    assert not share_examples(*package)


def test_a_blank_line_does_not_shift_the_alignment(tmp_path: Path) -> None:
    write(tmp_path, "tatoeba-v1/tatoeba.deu-eng.deu", "eins\n\ndrei\n")
    task = TASKS.get("tatoeba").with_data_dir
    assert task
    found = {one.text: one.meaning for one in task(tmp_path).read("test", "de")}  # type: ignore[union-attr]
    assert found == {"eins": "0", "": "1", "drei": "2"}


@pytest.mark.parametrize(
    "question",
    ["text", {"id": "q", "question": "?", "answers": [{"text": "b", "answer_start": []}]}],
)
def test_malformed_questions_are_named_with_their_position(
    tmp_path: Path, question: object
) -> None:
    tree = {"data": [{"paragraphs": [{"context": "a", "qas": [question]}]}]}
    write(tmp_path, "x.json", json.dumps(tree))
    (found,) = read_squad(tmp_path / "x.json")
    assert isinstance(found, BadRow)
    assert found.where == f"{tmp_path}/x.json: data[0].paragraphs[0].qas[0]"
