"""The data check: found, missing, broken or blank splits, with rows, files and lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.tasks import TASKS
from xstilts.tasks.data_check import SplitReport, SplitState
from xstilts.tasks.suites import SUITES, is_needed, members
from xstilts.testing.task_files import write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    good = "".join(f"a{number}\tb\tneutral\nc{number}\td\tentailment\n" for number in range(20))
    write(tmp_path, "xnli/train-en.tsv", good + "\tb\tneutral\na0\tb\tneutral\n")
    write(tmp_path, "xnli/dev-en.tsv", good)
    write(tmp_path, "xnli/test-en.tsv", "a\tb\nc\td\n")
    write(tmp_path, "xnli/test-de.tsv", "a\tb\nc\td\te\tf\n")
    write(tmp_path, "xnli/test-fr.tsv", "a\tb\tneutral\nc\td\tmaybe\ne\tf\tmaybe\n")
    write(tmp_path, "xnli/test-th.tsv", "")
    (tmp_path / "xnli/test-sw.tsv").write_bytes(b"a\tb\n\xff\td\n")
    return tmp_path


def found(folder: Path | None, *names: str) -> dict[tuple[str, str], SplitReport]:
    return {(one.split, one.language): one for one in xstilts.check_data(names, folder)}


def test_present_splits_report_rows_labels_and_problems(folder: Path) -> None:
    seen = found(folder, "xnli")
    train = seen["train", "en"]
    assert (train.state, train.rows, train.blank, train.fails) == (
        SplitState.FOUND,
        41,
        False,
        False,
    )
    assert train.counts == {"duplicate row, kept": 1, "empty text": 1}
    assert train.first == (f"{folder}/xnli/train-en.tsv:41: empty text",)
    assert train.file == f"{folder}/xnli/train-en.tsv"
    test = seen["test", "en"]
    assert (test.state, test.rows, test.blank, test.fails) == (SplitState.FOUND, 2, True, False)


def test_a_broken_file_does_not_stop_the_check(folder: Path) -> None:
    seen = found(folder, "xnli")
    reasons = {code: seen["test", code].why for code in ("de", "fr", "th", "sw")}
    assert reasons["de"] == "1 of 2 rows cannot be used"
    assert seen["test", "de"].first[0].endswith("separated by tabs: 4 columns")
    assert "test-de.tsv:2:" in seen["test", "de"].first[0]
    assert reasons["fr"] == "2 of 3 rows cannot be used"
    outside = [f"test-fr.tsv:{line}: label outside the set: 'maybe'" for line in (2, 3)]
    assert sorted(text.rpartition("/")[2] for text in seen["test", "fr"].first) == outside
    assert reasons["th"] == f"{folder}/xnli/test-th.tsv: no rows"
    assert "test-sw.tsv:2: not UTF-8" in reasons["sw"]
    for code in reasons:
        assert seen["test", code].state is SplitState.BROKEN
        assert seen["test", code].fails


def test_only_needed_splits_count_as_missing(folder: Path) -> None:
    seen = found(folder, "xnli")
    assert (seen["test", "vi"].state, seen["test", "vi"].fails) == (SplitState.HUB, False)
    mined = found(folder, "ccg")
    assert (mined["train", "en"].state, mined["train", "en"].fails) == (SplitState.MISSING, True)


def test_blank_train_or_dev_labels_are_an_error(folder: Path) -> None:
    write(folder, "xnli/dev-en.tsv", "".join(f"a{number}\tb\tneutral\n" for number in range(20)))
    dev = found(folder, "xnli")["dev", "en"]
    assert (dev.state, dev.blank, dev.fails) == (SplitState.BLANK, True, True)


def test_the_data_folder_may_have_an_xtreme_subfolder(folder: Path) -> None:
    inner = folder / "outer" / "xtreme"
    inner.parent.mkdir()
    (folder / "xnli").rename(inner.parent / "moved")
    inner.mkdir()
    (inner.parent / "moved").rename(inner / "xnli")
    seen = found(folder / "outer", "xnli")
    assert seen["dev", "en"].file == f"{inner}/xnli/dev-en.tsv"
    assert "xnli" in seen["test", "vi"].file


def test_without_a_folder_splits_are_on_the_hub_or_missing() -> None:
    states = {
        name: {one.state for one in xstilts.check_data([name])} for name in ("paws-x", "bucc")
    }
    assert states == {"paws-x": {SplitState.HUB}, "bucc": {SplitState.MISSING}}


def test_unknown_tasks_and_missing_folders_are_rejected() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'xtreme'"):
        list(xstilts.check_data(["xtrem"]))
    with pytest.raises(ConfigError, match="no folder"):
        list(xstilts.check_data(["xnli"], "absent"))


def test_suites_list_known_tasks_without_duplicates() -> None:
    for name, suite in SUITES.items():
        assert len(set(suite.tasks)) == len(suite.tasks)
        assert set(members([name])) == {*suite.tasks, *suite.training}
    both = members(["home-nli", "home"])
    assert both["home-nli"].splits == ("train", "dev", "test")
    assert not is_needed(TASKS.get("xnli"), "test", "en", ("train", "dev"))
    assert is_needed(TASKS.get("home-retrieval"), "test", "sw", ("test",))


def test_a_dev_set_published_without_labels_is_noted_but_not_missing(tmp_path: Path) -> None:
    """TyDiQA's, for `checkpoint: last`; blank labels to train on are still an error."""
    blank = [{"text": "", "answer_start": 0}]
    for part in ("train", "dev"):
        name = f"tydiqa/tydiqa-goldp-v1.1-{part}/tydiqa.goldp.en.{part}.json"
        asked = [{"id": str(n), "question": f"what is {n}?", "answers": blank} for n in range(20)]
        paragraphs = [{"context": "a text", "qas": asked}]
        write(tmp_path, name, json.dumps({"data": [{"paragraphs": paragraphs}]}))
    seen = found(tmp_path, "tydiqa")
    dev, train = seen["dev", "en"], seen["train", "en"]
    assert (dev.state, dev.blank, dev.fails) == (SplitState.BLANK, True, False)
    assert "checkpoint: last" in dev.why
    assert train.fails


def test_a_suite_of_a_benchmark_checks_its_languages_alone() -> None:
    xtreme, xtreme_r = (
        {(one.task, one.language) for one in xstilts.check_data(name) if one.split == "test"}
        for name in ("xtreme", "xtreme-r")
    )
    assert ("xquad", "en") in xtreme
    assert ("xquad", "ro") not in xtreme
    assert {("xquad", "ro"), ("udpos", "wo"), ("pan-x", "qu"), ("tatoeba", "az")} <= xtreme_r
    both = {one.language for one in xstilts.check_data(["xtreme", "xquad"]) if one.task == "xquad"}
    assert "ro" in both


def test_xtreme_r_needs_the_training_data_of_its_protocols(tmp_path: Path) -> None:
    seen = {
        (one.task, one.split, one.language): one for one in xstilts.check_data("xtreme-r", tmp_path)
    }
    assert seen["socialiqa", "train", "en"].needed
    assert seen["copa", "dev", "en"].needed
    assert not seen["socialiqa", "test", "en"].needed
    assert seen["mewsli-x", "test", "de"].fails
    assert seen["lareqa-xquad-r", "test", "candidates:th"].fails
    assert not seen["mewsli-x", "dev", "en"].needed
