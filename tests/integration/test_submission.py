"""From a run on XTREME's download, whose test labels are removed, to a submission."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import xstilts
from xstilts.api.report import submissions
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.planning.compile import compile_experiment
from xstilts.reports.xtreme.read import read_lines, read_sentences
from xstilts.stages.io.rows import read_rows
from xstilts.testing.tiny import in_language, sentences, write_encoder

NAMES = {"animal": "B-LOC", "food": "B-ORG", "tool": "B-PER"}
LABELS = {"animal": "neutral", "food": "entailment", "tool": "contradiction"}
SIZES = {"train": 24, "dev": 12, "test": 30}


def write_data(folder: Path) -> None:
    """XNLI and PAN-X in XTREME's layout; test files without labels."""
    for split, count in SIZES.items():
        for language in ("en", "de") if split == "test" else ("en",):
            pairs, words = [], []
            for text, kind, thing in sentences(split, count):
                sentence = in_language(text, "en" if language == "en" else "xx")
                label = "" if split == "test" else f"\t{LABELS[kind]}"
                pairs.append(f"{sentence}\t{in_language(thing, 'en')}{label}\n")
                tags = ["" if split == "test" else f"\t{NAMES[kind]}"] * len(sentence.split())
                words += [
                    f"{word}{tag}\n" for word, tag in zip(sentence.split(), tags, strict=True)
                ]
                words.append("\n")
            for task, lines in (("xnli", pairs), ("panx", words)):
                path = folder / task / f"{split}-{language}.tsv"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("submission")
    write_data(folder / "data")
    write_encoder(folder / "encoder")
    return folder


@pytest.fixture(scope="module")
def loaded(place: Path) -> LoadedExperiment:
    changes = (
        *("name=mine", "intermediate=[none]", "targets=[xnli, pan-x]", "seeds=[0]"),
        *("languages=[en, de]", "recipes.target.epochs=1", "task_limits={pan-x: {test: 20}}"),
    )
    return xstilts.load("home", changes, encoder=str(place / "encoder"), data=place / "data")


@pytest.fixture(scope="module")
def store(place: Path, loaded: LoadedExperiment, run_in_process: Callable[..., RunResult]) -> Path:
    outcome = run_in_process(loaded, place / "store")
    assert outcome.exit_code == 3  # nothing can be scored without labels; all is predicted
    assert all("blank" in problem for problem in outcome.failed.values())
    return place / "store"


def test_every_prediction_is_in_the_line_of_its_example(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    (made,) = submissions(loaded, tmp_path / "out", store)
    assert made.folder == tmp_path / "out" / "encoder" / "none" / "seed-0"
    compiled = compile_experiment(loaded)
    for cell in compiled.cells:
        key = compiled.plan.by_key[cell.key].inputs["predictions"]
        rows = read_rows(Store(store).artifact(key) / "predictions.parquet")
        found = {int(row["id"].rpartition("-")[2]): row["prediction"] for row in rows}
        if cell.target == "xnli":
            lines = read_lines(made.folder / f"xnli/test-{cell.language}.tsv")
            assert dict(enumerate(lines)) == found
        else:
            tags = read_sentences(made.folder / f"panx/test-{cell.language}.tsv")
            assert [list(one.tags) for one in tags] == [found[number] for number in sorted(found)]
            assert len(tags) == 20


def test_missing_predictions_are_listed_with_advice(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    (made,) = submissions(loaded, tmp_path, store)
    problems = "\n".join(made.problems)
    for part in (
        "panx (en de): 20 of 30 rows: run without",
        "xnli (ar bg el es fr hi ru sw th tr ur vi zh): not among the experiment's languages",
        "tatoeba (all languages): not among the experiment's targets",
    ):
        assert part in problems
    assert "xnli/test" not in problems  # what is there is right
    assert "no such" not in problems
    assert made.archive
    assert made.archive.name == "seed-0-incomplete.zip"
    assert made.archive.with_suffix(".txt").read_text() == problems + "\n"


def test_the_command_lists_all_problems_and_exits_with_2(
    place: Path, loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    experiment = tmp_path / "mine.yaml"
    experiment.write_text(yaml.safe_dump(loaded.experiment.model_dump(mode="json")))
    words = ["report", experiment, "--store", store, "--format", "xtreme", "--out", tmp_path / "o"]
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 2
    assert "INCOMPLETE" in done.output
    assert "panx (en de): 20 of 30 rows" in done.output
    assert (tmp_path / "o/encoder/none/seed-0-incomplete.zip").is_file()


def test_a_seed_without_predictions_is_reported_and_not_written(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    experiment = loaded.experiment.model_copy(update={"seeds": (0, 1)})
    first, second = submissions(replace(loaded, experiment=experiment), tmp_path, store)
    assert first.archive
    assert second.archive is None
    assert not second.folder.exists()
    assert any(problem.startswith("xnli (en de): not predicted") for problem in second.problems)


def test_the_zip_archive_is_reproducible(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    (made,) = submissions(loaded, tmp_path / "a", store)
    names = {"xnli/test-en.tsv", "xnli/test-de.tsv", "panx/test-en.tsv", "panx/test-de.tsv"}
    assert made.archive
    with zipfile.ZipFile(made.archive) as archive:
        assert set(archive.namelist()) == names
        for name in names:
            assert archive.read(name) == (made.folder / name).read_bytes()
    (again,) = submissions(loaded, tmp_path / "b", store)
    assert again.archive
    assert again.archive.read_bytes() == made.archive.read_bytes()


def test_a_new_submission_replaces_all_files_of_an_older_one(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    (made,) = submissions(loaded, tmp_path, store)
    stale = made.folder / "xnli/test-sw.tsv"
    stale.write_text("neutral\n")
    own = made.folder / "notes.md"
    own.write_text("mine")
    folder = xstilts.report(loaded, tmp_path, store, form="xtreme")
    assert folder == tmp_path
    assert not stale.exists()
    assert own.read_text() == "mine"


def test_an_experiment_that_cannot_be_submitted_is_rejected(
    loaded: LoadedExperiment, store: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="no test predictions"):
        submissions(loaded, tmp_path, tmp_path / "empty")
    experiment = loaded.experiment.model_copy(update={"eval_split": "dev"})
    with pytest.raises(ConfigError, match="evaluates on dev"):
        submissions(replace(loaded, experiment=experiment), tmp_path, store)
    with pytest.raises(ConfigError, match="no XTREME targets"):
        submissions(xstilts.load("home"), tmp_path, store)
    assert list(tmp_path.iterdir()) == []
