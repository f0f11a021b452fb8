"""Label sets that mark spans in another spelling are refused with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.tag_schemes import standard_tags
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.data_check import check_split
from xstilts.tasks.guessed_files import guess_files
from xstilts.tasks.guessed_task import guess_task
from xstilts.tasks.label_spellings import flow_map
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows, validated


def tagging(folder: Path, **settings: object) -> TaskSpec:
    made = {"format": "tagging", "files": "{split}.jsonl", "splits": {"train": ["en"]}}
    return file_task("mine", FileTask.model_validate({**made, **settings}), folder)


@pytest.mark.parametrize("labels", [["O", "B_X", "I_X"], ["O", "X-B", "X-I"], ["O", "b-x", "i-x"]])
def test_another_spelling_of_span_tags_is_refused(tmp_path: Path, labels: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        tagging(tmp_path, labels=labels)
    assert error.value.where == "tasks.mine.labels"
    assert f"{labels[1]}: B-" in (error.value.todo or "")
    assert tagging(tmp_path, labels=labels, metrics=["tag_accuracy"]).labels == tuple(labels)


def test_the_label_map_that_the_refusal_names_gives_bio(tmp_path: Path) -> None:
    line = '{"tokens": ["a", "b", "c"], "tags": ["B_X", "I_X", "O"]}\n'
    (tmp_path / "train.jsonl").write_text(line)
    labels = ["O", "B-X", "I-X"]
    task = tagging(tmp_path, labels=labels, label_map={"B_X": "B-X", "I_X": "I-X"})
    ((example,), _, _) = filter_rows(task.read("train", "en"), task, "train")
    assert example.tags == ("B-X", "I-X", "O")  # type: ignore[attr-defined]
    assert task.metrics == ("span_f1",)


def tagged(folder: Path, split: str, *sentences: str) -> None:
    """A token–tag file of sentences such as `a/b-x b/o`."""
    blocks = ["\n".join(pair.replace("/", "\t") for pair in one.split()) for one in sentences]
    (folder / f"{split}.bio").write_text("\n\n".join(blocks) + "\n")


def test_tags_of_files_in_other_spellings_give_the_complete_map(tmp_path: Path) -> None:
    tagged(tmp_path, "train", "a/B-PER b/O", "a/b-per b/o", "a/PER-B b/PER-I", "a/S-PER b/MISC")
    labels = ["O", "B-PER", "I-PER"]
    task = tagging(tmp_path, files="{split}.bio", labels=labels, label_map={"X": "O"})
    spellings = check_split(task, "train", "en").spellings
    wanted = {"X": "O", "b-per": "B-PER", "o": "O"}
    wanted |= {"PER-B": "B-PER", "PER-I": "I-PER", "S-PER": "B-PER"}
    assert spellings.label_map == wanted
    lines = {name: text.rpartition(":")[2] for name, text in spellings.examples.items()}
    assert lines == {"B-X": "1)", "b-X": "4)", "X-B": "7)", "S-X": "10)"}
    with pytest.raises(DataError) as error:
        validated(task.read("train", "en"), task, "train", "en")
    assert f"label_map: {flow_map(wanted)}" in (error.value.todo or "")
    assert all(f"train.bio:{line}" in (error.value.todo or "") for line in (1, 4, 7, 10))

    mapped = tagging(tmp_path, files="{split}.bio", labels=labels, label_map=wanted)
    assert len(filter_rows(mapped.read("train", "en"), mapped, "train")[0]) == 3


def test_labels_of_texts_that_differ_in_case_alone_are_mapped(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": "No"}\n')
    task = tagging(tmp_path, format="classification", labels=["no", "yes"])
    found = check_split(task, "train", "en").spellings
    assert (found.label_map, found.examples) == ({"No": "no"}, {})
    assert flow_map(found.label_map) == "{'No': 'no'}"
    other = tagging(tmp_path, format="classification", labels=["good", "bad"])
    assert check_split(other, "train", "en").spellings.advice == ""


def test_mixed_spellings_in_the_declaration_are_refused_with_one_map(tmp_path: Path) -> None:
    labels = ["o", "b-per", "i-per", "B-LOC", "LOC-I", "PER-B", "PER-I"]
    with pytest.raises(ConfigError) as error:
        tagging(tmp_path, labels=labels)
    wanted = {"b-per": "B-PER", "i-per": "I-PER", "PER-B": "B-PER", "PER-I": "I-PER"}
    assert standard_tags(labels) == {**wanted, "LOC-I": "I-LOC", "o": "O"}
    assert flow_map(standard_tags(labels)) in (error.value.todo or "")


def test_an_outside_tag_in_lower_case_is_mapped_beside_standard_tags() -> None:
    assert standard_tags(["o", "B-PER", "I-PER"]) == {"o": "O"}
    assert standard_tags(["o", "x", "y"]) == {}


def test_a_guessed_task_maps_tags_in_another_spelling(tmp_path: Path) -> None:
    tagged(tmp_path, "train", "a/b-per b/i-per c/o", "a/o b/b-loc")
    made = guess_task(guess_files(tmp_path / "train.bio", tmp_path, "en")).declaration
    assert made["labels"] == ["O", "B-loc", "B-per", "I-per"]
    assert made["label_map"]["o"] == "O"
    task = file_task("mine", FileTask.model_validate(made), tmp_path)
    assert len(filter_rows(task.read("train", "en"), task, "train")[0]) == 2
