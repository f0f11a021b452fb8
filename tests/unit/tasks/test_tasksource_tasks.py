"""Tasks of tasksource from files in a cache of the Hub: columns, labels, splits, and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.core.errors import ConfigError, DataError, MissingPackageError
from xstilts.stages.io.located_task import located_task
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.tasksource import package
from xstilts.tasks.tasksource.labels import choice_labels
from xstilts.tasks.tasksource.record import read_record, record_file
from xstilts.tasks.tasksource.source_column import SourceColumn
from xstilts.tasks.tasksource.task import NO_LABEL
from xstilts.tasks.validate import validated
from xstilts.testing.cached_hub import COMMIT, write_cached_file

RTE = ("entailment", "not_entailment")


def write_rte(hub_home: Path, *, labels: list[int] | None = None) -> None:
    for split, given in (("train", labels or [0, 1]), ("validation", [1]), ("test", [-1])):
        columns = {
            "sentence1": [f"{split} {number}" for number in range(len(given))],
            "sentence2": [f"then {number}" for number in range(len(given))],
            "label": given,
        }
        path = f"rte/{split}/0000.parquet"
        write_cached_file(hub_home, "nyu-mll/glue", path, columns, {"label": RTE})


def rows(task: TaskSpec, split: str = "train") -> list[Any]:
    kept, _ = validated(task.read(split, "en"), task, split, "en")
    return sorted(kept, key=lambda one: one.id)


def test_a_pair_has_the_data_sets_columns_class_names_and_commit(
    hub_home: Path, recorded_tasksource: list[tuple[str, str]]
) -> None:
    write_rte(hub_home)
    task = xstilts.download_task("tasksource:glue/rte")
    assert recorded_tasksource == [("nyu-mll/glue", "refs/convert/parquet")]
    assert (task.name, task.format, task.labels) == ("tasksource:glue/rte", "classification", RTE)
    assert task.sizes == {("train", "en"): 2, ("dev", "en"): 1}  # test has no labels
    assert [(one.text, one.text_pair, one.label) for one in rows(task)] == [
        ("train 0", "then 0", "entailment"),
        ("train 1", "then 1", "not_entailment"),
    ]
    assert str(task.origin("train", "en")[0]) == f"hub nyu-mll/glue@{COMMIT}"
    assert (task.licence, task.hub) == ("cc0-1.0", "nyu-mll/glue")


def test_a_downloaded_task_needs_neither_package_nor_network(
    hub_home: Path, recorded_tasksource: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rte(hub_home)
    xstilts.download_task("tasksource:glue/rte")
    monkeypatch.setattr(package, "find_spec", lambda _name: None)
    asked = len(recorded_tasksource)
    task = TASKS.get("tasksource:glue/rte")
    assert len(rows(task)) == 2
    assert len(recorded_tasksource) == asked
    frame = xstilts.tasks("tasksource:glue/rte")
    assert frame["train"].tolist() == [2]


def test_a_worker_needs_no_record(
    hub_home: Path, recorded_tasksource: list[tuple[str, str]]
) -> None:
    write_rte(hub_home)
    task = xstilts.download_task("tasksource:glue/rte")
    record_file("glue/rte").unlink()
    worker = located_task("tasksource:glue/rte", task.worker_context)
    assert rows(worker) == rows(task)
    shuffled = located_task("tasksource:glue/rte", {**task.worker_context, "shuffled_from": "x"})
    assert shuffled.name == "tasksource:glue/rte-shuffled-labels"


@pytest.mark.usefixtures("recorded_tasksource")
def test_what_decides_the_examples_decides_the_fingerprint(hub_home: Path) -> None:
    from xstilts.tasks.tasksource.task import task_of_record

    write_rte(hub_home)
    xstilts.download_task("tasksource:glue/rte")
    record = read_record("glue/rte")
    assert record
    changes: list[dict[str, Any]] = [
        {},
        {"revision": "f" * 40},
        {"dataset": "me/glue"},
        {"files": {"train": ("rte/train/0001.parquet",)}},
        {"labels": RTE[::-1]},
        {"label_names": {"0": RTE[1], "1": RTE[0]}},
        {"columns": {**record.columns, "text": record.columns["text_pair"]}},
    ]
    prints = [
        task_of_record(record.model_copy(update=change)).fingerprint("train", "en")
        for change in changes
    ]
    assert len(set(prints)) == len(changes)
    same = {"licence": "other", "package": "0.1.9", "subwords": 8}
    again = task_of_record(record.model_copy(update=same))
    assert again.fingerprint("train", "en") == prints[0]


@pytest.mark.usefixtures("recorded_tasksource")
def test_all_shards_are_read_and_the_only_configuration_is_found(hub_home: Path) -> None:
    for shard, label in ((0, 0), (1, 1), (2, 2)):
        columns = {"premise": [f"p{shard}"], "hypothesis": ["h"], "label": [label]}
        write_cached_file(
            *(hub_home, "stanfordnlp/snli", f"plain_text/train/000{shard}.parquet", columns),
            {"label": ["entailment", "neutral", "contradiction"]},
        )
    write_cached_file(
        *(hub_home, "stanfordnlp/snli", "plain_text/validation/0000.parquet"),
        {"premise": ["a", "b"], "hypothesis": ["h", "h"], "label": [-1, 2]},
        {"label": ["entailment", "neutral", "contradiction"]},
    )
    task = xstilts.download_task("tasksource:snli")
    assert task.labels == ("contradiction", "entailment", "neutral")  # as all NLI tasks
    assert {(one.text, one.label) for one in rows(task)} == {
        ("p0", "entailment"),
        ("p1", "neutral"),
        ("p2", "contradiction"),
    }
    assert [one.text for one in rows(task, "dev")] == ["b"]  # tasksource removes label -1 as well
    assert validated(task.read("dev", "en"), task, "dev", "en")[1].left_out == {NO_LABEL: 1}


@pytest.mark.usefixtures("recorded_tasksource")
def test_names_that_tasksource_gives_to_labels_are_used(hub_home: Path) -> None:
    columns = {"text": ["good", "bad"], "label": [1, 0]}
    write_cached_file(hub_home, "stanfordnlp/imdb", "plain_text/train/0000.parquet", columns)
    task = xstilts.download_task("tasksource:imdb")
    assert {(one.text, one.text_pair, one.label) for one in rows(task)} == {
        ("good", None, "positive"),
        ("bad", None, "negative"),
    }


@pytest.mark.usefixtures("recorded_tasksource")
def test_columns_are_joined(hub_home: Path) -> None:
    columns = {
        "paragraph": ["P", None],
        "question": ["q", "r"],
        "answer": ["a", "b"],
        "label": [0, 1],
    }
    write_cached_file(hub_home, "aps/super_glue", "multirc/train/0000.parquet", columns)
    task = xstilts.download_task("tasksource:super_glue/multirc")
    assert {(one.text, one.text_pair, one.label) for one in rows(task)} == {
        ("P q", "a", "incorrect answer"),
        ("r", "b", "correct answer"),
    }


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_missing_cell_adds_no_separator(missing: float | None) -> None:
    column = SourceColumn(paths=("a", "b", "c"), separator=" | ")
    assert column.value({"a": "one", "b": missing, "c": 2}) == "one | 2"


@pytest.mark.usefixtures("recorded_tasksource")
def test_lists_are_not_joined_with_texts(hub_home: Path) -> None:
    columns = {"paragraph": [["P", "Q"]], "question": ["q"], "answer": ["a"], "label": [0]}
    write_cached_file(hub_home, "aps/super_glue", "multirc/train/0000.parquet", columns)
    with pytest.raises(DataError, match="'paragraph' is not text"):
        xstilts.download_task("tasksource:super_glue/multirc")


@pytest.mark.usefixtures("recorded_tasksource")
def test_named_labels_are_classes_also_as_fractions(hub_home: Path) -> None:
    columns = {"text": ["good", "bad", "so"], "label": [1.0, 0.0, None]}
    write_cached_file(hub_home, "stanfordnlp/imdb", "plain_text/train/0000.parquet", columns)
    task = xstilts.download_task("tasksource:imdb")
    assert (task.format, task.labels) == ("classification", ("negative", "positive"))
    assert {(one.text, one.label) for one in rows(task)} == {
        ("good", "positive"),
        ("bad", "negative"),
    }


@pytest.mark.usefixtures("recorded_tasksource")
def test_choices_in_columns_and_a_constant_label(hub_home: Path) -> None:
    columns = {
        "question": ["which?"],
        "correct_answer": ["this"],
        **{f"distractor{number}": [f"that {number}"] for number in (1, 2, 3)},
    }
    write_cached_file(hub_home, "allenai/sciq", "default/train/0000.parquet", columns)
    task = xstilts.download_task("tasksource:sciq")
    (one,) = rows(task)
    assert (one.text, one.choices, one.label) == (
        *("which?", ("this", "that 1", "that 2", "that 3"), "0"),
    )
    assert task.labels == ("0", "1", "2", "3")


def write_openbookqa(hub_home: Path, counts: tuple[int, ...] = (4, 4)) -> None:
    columns = {
        "question_stem": [f"why {number}" for number in range(len(counts))],
        "choices": [{"text": list("wxyz")[:count], "label": list("ABCD")} for count in counts],
        "answerKey": ["D", *("ABC"[: len(counts) - 1])],
    }
    path = "main/train/0000.parquet"
    write_cached_file(hub_home, "allenai/openbookqa", path, columns)


@pytest.mark.usefixtures("recorded_tasksource")
def test_choices_in_a_list_and_letters_as_labels(hub_home: Path) -> None:
    write_openbookqa(hub_home, (4, 4, 4, 4))
    task = xstilts.download_task("tasksource:openbookqa")
    by_text = {one.text: (one.choices, one.label) for one in rows(task)}
    assert by_text["why 0"] == (("w", "x", "y", "z"), "3")
    assert by_text["why 2"] == (("w", "x", "y", "z"), "1")


@pytest.mark.parametrize("values", [(1, 2, 3), ("1", "2"), (3,), (1, 2, 3, 4), (0, 4)])
def test_numbers_that_may_begin_at_1_are_refused(values: tuple[int | str, ...]) -> None:
    with pytest.raises(DataError, match=f"4 choices.* {values[-1]}"):
        choice_labels(values, {}, 4, "")


@pytest.mark.parametrize(
    ("values", "constant"), [((0, 1, 3), ""), ((0,), ""), ((), "0"), ((), "1")]
)
def test_numbers_from_0_on_are_positions(values: tuple[int, ...], constant: str) -> None:
    assert choice_labels(values, {}, 4, constant) == (("0", "1", "2", "3"), {})


@pytest.mark.usefixtures("recorded_tasksource")
def test_unequal_numbers_of_choices_are_refused(hub_home: Path) -> None:
    write_openbookqa(hub_home, (4, 3))
    with pytest.raises(DataError, match="3 to 4 choices"):
        xstilts.download_task("tasksource:openbookqa")
    assert not record_file("openbookqa").exists()


@pytest.mark.usefixtures("recorded_tasksource")
def test_words_with_tags(hub_home: Path) -> None:
    columns = {"tokens": [["Ann", "ran"], ["Oslo"]], "ner_tags": [[1, 0], [3]]}
    names = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
    for split in ("train", "validation", "test"):
        path = f"default/{split}/0000.parquet"
        write_cached_file(hub_home, "tomaarsen/conll2003", path, columns, {"ner_tags": names})
    task = xstilts.download_task("tasksource:conll2003/ner_tags")
    assert (task.format, task.metrics[0], task.labels) == ("tagging", "span_f1", tuple(names))
    assert {(one.tokens, one.tags) for one in rows(task)} == {
        (("Ann", "ran"), ("B-PER", "O")),
        (("Oslo",), ("B-LOC",)),
    }


@pytest.mark.usefixtures("recorded_tasksource")
def test_scores_become_regression(hub_home: Path) -> None:
    columns = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [2.5, 4.0]}
    write_cached_file(hub_home, "nyu-mll/glue", "stsb/train/0000.parquet", columns)
    task = xstilts.download_task("tasksource:glue/stsb")
    assert (task.format, task.labels) == ("regression", ())
    assert [one.score for one in rows(task)] == [2.5, 4.0]


def test_a_pinned_revision_has_files_of_its_own_layout(
    hub_home: Path, recorded_tasksource: list[tuple[str, str]]
) -> None:
    columns = {"sentence1": ["a", "b", "c"], "sentence2": ["d", "e", "f"], "labels": [-1, 0, 1]}
    path = "data/train-00000-of-00001.parquet"
    write_cached_file(hub_home, "tasksource/evidence-inference", path, columns)
    task = xstilts.download_task("tasksource:evidence-inference")
    assert recorded_tasksource[0][1].startswith("f078c91c")
    record = read_record("evidence-inference")
    assert record
    assert record.files == {"train": (path,)}
    assert {(one.text, one.label) for one in rows(task)} == {
        ("a", "significantly decreased"),  # a negative number that has a name is a label
        ("b", "no significant difference"),
        ("c", "significantly increased"),
    }


@pytest.mark.usefixtures("recorded_tasksource")
def test_negative_labels_without_names_are_refused(hub_home: Path) -> None:
    columns = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [-1, 1]}
    write_cached_file(hub_home, "nyu-mll/glue", "rte/train/0000.parquet", columns)
    with pytest.raises(DataError, match="labels such as -1, which have no names"):
        xstilts.download_task("tasksource:glue/rte")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["rte/partial-train/0000.parquet"], "only a part"),
        (["qqp/train/0000.parquet"], "no configuration rte; it has qqp"),
        (["rte/dev/0000.parquet", "rte/test/0000.parquet"], "no split train; it has dev, test"),
    ],
)
@pytest.mark.usefixtures("recorded_tasksource")
def test_files_that_are_not_as_described_are_refused(
    hub_home: Path, files: list[str], message: str
) -> None:
    columns = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "label": [0, 1]}
    for path in files:
        write_cached_file(hub_home, "nyu-mll/glue", path, columns, {"label": RTE})
    with pytest.raises(DataError, match=f"tasksource:glue/rte.*{message}"):
        xstilts.download_task("tasksource:glue/rte")


@pytest.mark.usefixtures("recorded_tasksource")
def test_a_missing_column_and_a_label_without_name_are_refused(hub_home: Path) -> None:
    path = "rte/train/0000.parquet"
    columns: dict[str, list[Any]] = {"premise": ["a"], "label": [0]}
    write_cached_file(hub_home, "nyu-mll/glue", path, columns, {"label": RTE})
    with pytest.raises(DataError, match="no column sentence1; there are label, premise"):
        xstilts.download_task("tasksource:glue/rte")
    write_rte(hub_home, labels=[0, 1, 2])
    with pytest.raises(DataError, match="labels without a name: 2"):
        xstilts.download_task("tasksource:glue/rte")


@pytest.mark.usefixtures("hub_home")
def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "find_spec", lambda _name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'xstilts\[tasksource\]'"):
        TASKS.get("tasksource:glue/rte")
    with pytest.raises(MissingPackageError):
        xstilts.tasksource_tasks()


@pytest.mark.usefixtures("recorded_tasksource")
def test_errors_say_what_is_wrong_and_what_to_do() -> None:
    with pytest.raises(ConfigError, match="no task 'glue/rt'.*\n.*tasksource:glue/rte"):
        TASKS.get("tasksource:glue/rt")
    with pytest.raises(ConfigError, match="no task 'rte'.*\n.*tasksource:glue/rte"):
        TASKS.get("tasksource:rte")
    with pytest.raises(ConfigError, match='not on this machine.*\n.*"tasksource:glue/rte" --down'):
        TASKS.get("tasksource:glue/rte")
    with pytest.raises(
        ConfigError, match="hellaswag cannot be read.*inputs are computed by Python"
    ):
        TASKS.get("tasksource:hellaswag")
    with pytest.raises(ConfigError, match="joci.*rows are changed by Python code"):
        xstilts.download_task("tasksource:joci")
    with pytest.raises(ConfigError, match="not a task of tasksource"):
        xstilts.download_task("mnli")
    with pytest.raises(DataError, match="cannot be listed"):
        xstilts.download_task("tasksource:snli")


@pytest.mark.usefixtures("recorded_tasksource")
def test_a_damaged_record_names_file_and_remedy(hub_home: Path) -> None:
    write_rte(hub_home)
    xstilts.download_task("tasksource:glue/rte")
    file = record_file("glue/rte")
    assert file.parent == hub_home / "assets" / "xstilts" / "tasksource"
    file.write_text(file.read_text()[:-20])
    with pytest.raises(DataError, match="damaged.*\n.*--download") as raised:
        TASKS.get("tasksource:glue/rte")
    assert raised.value.where == str(file)


@pytest.mark.usefixtures("recorded_tasksource")
def test_the_list_is_filtered(hub_home: Path) -> None:
    write_rte(hub_home)
    xstilts.download_task("tasksource:glue/rte")
    frame = xstilts.tasksource_tasks("GLUE/").set_index("task")
    assert len(frame) == 4
    assert frame.loc["tasksource:glue/rte", "downloaded"]
    assert not frame.loc["tasksource:glue/mnli", "downloaded"]
    assert xstilts.tasksource_tasks("no such").empty
