"""`data check` of an experiment file, and `data show`: lengths, labels and unknown tokens."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.core.errors import UnknownNameError, XstiltsError
from xstilts.tasks.data_check import SplitState

EXPERIMENT = """
name: own
encoder: encoder
intermediate: [none, home-intents]
targets: [reviews]
languages: [en, sw]
recipes: {target: {max_length: 16}}
tasks:
  reviews:
    format: classification
    files: "data/{split}-{language}.tsv"
    splits: {train: [en], dev: [en], test: [en, sw, de]}
    columns: [text, label]
    labels: [good, bad, mixed]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, encoder_files: Path) -> Path:
    folder = tmp_path_factory.mktemp("own")
    (folder / "encoder").symlink_to(encoder_files)
    (folder / "data").mkdir()
    for split, language in (("train", "en"), ("dev", "en"), ("test", "en"), ("test", "sw")):
        rows = [f"the red house {number}\t{'good' if number % 3 else 'bad'}" for number in range(9)]
        rows += ["one two " * 40 + "\tgood"] if split == "train" else []
        rows += ["\u2603 \u2603\tbad"] if language == "sw" else []
        text = "\n".join(["text\tlabel", *rows])
        (folder / "data" / f"{split}-{language}.tsv").write_text(text, encoding="utf-8")
    path = folder / "own.yaml"
    path.write_text(EXPERIMENT)
    return path


@pytest.fixture(scope="module")
def encoder_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from xstilts.testing.tiny import write_encoder

    folder = tmp_path_factory.mktemp("encoder")
    write_encoder(folder)
    return folder


def test_the_tasks_of_an_experiment_are_checked_with_what_is_missing(file: Path) -> None:
    reports = list(xstilts.check_data(str(file)))
    own = {(one.split, one.language): one for one in reports if one.task == "reviews"}
    assert own["train", "en"].rows == 10
    assert own["test", "de"].state is SplitState.MISSING
    assert own["test", "de"].fails
    others = {(one.task, one.split) for one in reports if one.task != "reviews"}
    assert others == {("home-intents", "train"), ("home-intents", "dev")}


def test_an_experiment_that_names_no_task_is_refused_before_anything_is_read(
    file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(EXPERIMENT.replace("targets: [reviews]", "targets: [revews]"))
    with pytest.raises(UnknownNameError) as caught:
        xstilts.check_data(str(other))
    assert "reviews" in str(caught.value)
    assert "other.yaml:5" in str(caught.value)


def test_lengths_labels_and_unknown_tokens_are_counted_by_language(file: Path) -> None:
    summary = xstilts.show_data("reviews", experiment=file, languages=["en", "sw"])
    found = {(one.split, one.language): one for one in summary.splits}
    assert set(found) == {("train", "en"), ("dev", "en"), ("test", "en"), ("test", "sw")}
    train = found["train", "en"]
    assert (summary.max_length, train.rows, train.words) == (16, 10, 4)
    assert train.labels == {"good": 7, "bad": 3, "mixed": 0}
    assert train.cut == pytest.approx(0.1)
    assert train.longest >= 80
    assert train.left_out == {"header line, left out": 1}
    assert found["test", "sw"].unknown_rate > found["test", "en"].unknown_rate
    assert len(train.examples) == 3
    assert set(train.examples[0]) == {"text", "label"}


def test_splits_of_other_tasks_are_checked_that_an_experiment_reads(
    file: Path, tmp_path: Path
) -> None:
    """Here paws-x is tested on dev in two languages, so its test set is not needed."""
    path = tmp_path / "sliced.yaml"
    text = EXPERIMENT.replace("targets: [reviews]", "targets: [paws-x]")
    text = text.replace("languages: [en, sw]", "languages: [en, de]")
    slices = 'splits: {paws-x: {train: train, dev: "dev[:50%]", test: "dev[50%:]"}}'
    path.write_text(text + slices)
    reports = [one for one in xstilts.check_data(str(path)) if one.task == "paws-x"]
    assert {one.split for one in reports} == {"train", "dev"}
    assert {one.language for one in reports if one.split == "dev" and one.needed} == {"en", "de"}


def test_all_languages_of_a_split_are_needed_that_an_own_task_is_tested_on(
    file: Path, tmp_path: Path
) -> None:
    path = file.with_name(f"{tmp_path.name}.yaml")
    text = EXPERIMENT.replace("dev: [en], test: [en, sw, de]", "dev: [en, sw]")
    path.write_text(text + 'splits: {reviews: {dev: "dev[:50%]", test: "dev[50%:]"}}')
    reports = [one for one in xstilts.check_data(str(path)) if one.task == "reviews"]
    assert {one.language for one in reports if one.split == "dev" and one.needed} == {"en", "sw"}


def test_slices_of_an_experiment_are_noted_where_splits_are_shown_in_full(
    file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = file.with_name(f"{tmp_path.name}.yaml")
    path.write_text(EXPERIMENT + 'splits: {reviews: {test: "dev[50%:]"}}')
    for experiment, noted in ((file, []), (path, ["dev[50%:]"])):
        caplog.clear()
        xstilts.show_data("reviews", experiment=experiment, languages=["en"])
        assert [name for name in ["dev[50%:]"] if name in caplog.text] == noted


def test_missing_files_are_said_in_place_of_numbers(file: Path) -> None:
    summary = xstilts.show_data("reviews", experiment=file, languages=["de"])
    (split,) = summary.splits
    assert split.rows == 0
    assert "test-de.tsv" in split.why


@pytest.mark.parametrize("option", [{"languages": ["xx"]}, {"splits": ["validation"]}])
def test_unknown_languages_and_splits_are_refused(file: Path, option: dict[str, list[str]]) -> None:
    with pytest.raises(UnknownNameError):
        xstilts.show_data("reviews", experiment=file, **option)


def test_an_own_task_without_its_experiment_is_an_error_that_names_the_option() -> None:
    with pytest.raises(XstiltsError, match="--experiment"):
        xstilts.show_data("reviews")


def test_the_command_fits_80_columns_and_prints_json(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    words = ["data", "show", "reviews", "--experiment", str(file), "-l", "en", "-l", "sw"]
    shown = CliRunner().invoke(app, words).output
    assert max(map(len, shown.splitlines())) <= 80
    for part in ("unknown", "good 7, bad 3, mixed 0", "the red house"):
        assert part in shown
    as_json = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert as_json["splits"][0]["labels"] == {"good": 7, "bad": 3, "mixed": 0}
    assert CliRunner().invoke(app, [*words[:5], "-l", "de"]).exit_code == 2


def test_an_unknown_task_leads_to_the_option_for_own_tasks(tmp_path: Path) -> None:
    own = [
        (lambda: xstilts.show_data("my-task"), "--experiment FILE"),
        (lambda: xstilts.score_predictions(tmp_path / "x.jsonl", "my-task"), "--experiment FILE"),
        (
            lambda: xstilts.recommend(
                "my-task", ["mnli"], encoder="e5-small-packaged", store=tmp_path / "s"
            ),
            "--like FILE",
        ),
    ]
    for call, option in own:
        with pytest.raises(UnknownNameError) as caught:
            call()
        assert option in (caught.value.todo or "")
        assert "xnli" not in (caught.value.todo or "")
