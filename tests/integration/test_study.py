"""A study from the command to the report; a second run does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.api.run_options import RunOptions
from xstilts.api.study import prepare_study
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import DataError, XstiltsError
from xstilts.core.garbage import GarbageKind
from xstilts.core.store import Store
from xstilts.statistics.estimate import Estimate
from xstilts.studies import STUDIES
from xstilts.studies.base import (
    OWN,
    Answer,
    Evidence,
    Figure,
    Finding,
    Series,
    Study,
    StudyRequirements,
)
from xstilts.studies.base import StudyTable as Table

SMALL = [
    "--set", "name=small", "--set", "seeds=[0]", "--set", "intermediate=[none, toy-same]",
    "--set", "targets=[toy-kind, toy-search]",
]  # fmt: skip
VARIANT = "first word"


def needs(loaded: LoadedExperiment) -> StudyRequirements:
    """The same search with another pooling: a few stages more, no training."""
    retrieval = loaded.experiment.retrieval.model_copy(update={"pooling": "cls"})
    changes = {"retrieval": retrieval, "targets": ("toy-search",)}
    experiment = loaded.experiment.model_copy(update=changes)
    return StudyRequirements({VARIANT: replace(loaded, experiment=experiment)})


def answer(evidence: Evidence) -> Answer:
    """How far apart the two poolings are."""
    means = {
        name: float(frame[frame["target"] == "toy-search"]["value"].mean())
        for name, frame in evidence.results.items()
    }
    apart = 100 * (means[OWN] - means[VARIANT])
    return Answer(
        "toy",
        "Which pooling?",
        f"They are {apart:.1f} points <apart>.",
        (Finding("apart", f"{apart:.1f} points.", Estimate(apart, apart - 1, apart + 1, 0.5, 4)),),
        (Table("means", "Means", evidence.results[VARIANT][["language", "value"]]),),
        (Figure("by", "By <pooling>", "pooling", "score", (Series("s", (0.0,), (apart,)),)),),
    )


@pytest.fixture(scope="module")
def toy_study() -> str:
    return STUDIES.register("toy", Study("toy", "Which pooling?", needs, answer)).name


def invoke(*words: object) -> str:
    """The output of `xstilts study` in this process; its errors are raised."""
    return CliRunner().invoke(app, ["study", *map(str, words)], catch_exceptions=False).output


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("in_process")
def test_a_study_runs_its_variant_and_nothing_twice(
    small: LoadedExperiment, copied: Path, toy_study: str, tmp_path: Path
) -> None:
    prepared = prepare_study(toy_study, small, copied)
    before = prepared.summary()
    assert {stage.kind for stage in before.todo} == {"embed", "search", "score"}
    assert all(stage.label.endswith("[first word]") for stage in before.todo)
    unrun, _ = prepared.answer()
    assert "2 of 8 scores and measures are missing" in unrun.caveats[0]
    assert "“score toy-search" in unrun.caveats[0]

    told = xstilts.study(toy_study, small, copied, workers=1)
    assert told.caveats == ()
    folder = copied / "studies" / "small" / "toy"
    first = contents(folder)
    answer = {"answer.json", "answer.md", "means.csv", "means.md", "by.svg"}
    assert set(first) == answer | {"stages.json"}
    garbage = {entry.kind for entry in xstilts.store_garbage(copied, older_than=0)}
    assert garbage <= {GarbageKind.LEASE}

    again = prepare_study(toy_study, small, copied)
    assert again.summary().todo == []
    assert again.run(RunOptions(workers=1)).done == []
    again.answer()
    assert contents(folder) == first

    page = xstilts.report(small, tmp_path / "r.html", copied).read_text(encoding="utf-8")
    section = page[page.index('<section id="study-toy"') :].partition("</section>")[0]
    for words in ("points &lt;apart&gt;.", "p = 0.500, n = 4", "<summary>Means</summary>", "<svg"):
        assert words in section
    assert "Outdated: the experiment" not in section
    assert "By &lt;pooling&gt;" in section
    changed = replace(
        small, experiment=small.experiment.model_copy(update={"targets": ("toy-search",)})
    )
    page = xstilts.report(changed, tmp_path / "r.html", copied).read_text(encoding="utf-8")
    assert "Outdated: the experiment" in page


def test_failures_and_missing_scores_do_not_stop_the_answer(
    small: LoadedExperiment, copied: Path
) -> None:
    store = Store(copied)
    for cell in xstilts.plan(small, store).compiled.cells:
        if cell.intermediate == "none" and cell.language == "xx":
            store.quarantine(cell.key)
            break
    told, _ = prepare_study("reasoning", small, store).answer()
    assert any("toy-same is left out" in text and "no baseline" in text for text in told.caveats)
    assert any(text.startswith("1 of ") for text in told.caveats)


def test_the_command_plans_answers_and_says_where(
    toy_file: Path, copied: Path, tmp_path: Path
) -> None:
    def command(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "xstilts", "study", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    common = (toy_file, "--store", copied, *SMALL)
    assert "28 stages: 28 done" in invoke("reasoning", *common, "--dry-run")
    assert not (copied / "studies").exists()
    done = command("reasoning", *common, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for words in (
        "28 stages: 28 done",
        "on reasoning targets: not enough data",
        "too few tasks in a group",
        str(copied / "studies" / "small" / "reasoning"),
    ):
        assert words in done.stdout
    kept = contents(copied / "studies" / "small" / "reasoning")
    assert contents(tmp_path / "out") == {
        name: text for name, text in kept.items() if name != "stages.json"
    }


@pytest.mark.usefixtures("in_process")
def test_a_quiet_study_prints_why_its_stages_failed(
    toy_file: Path, copied: Path, toy_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise DataError("no vectors today")

    monkeypatch.setattr("xstilts.stages.embed.run", fail)
    words = ["study", toy_study, str(toy_file), "--store", str(copied), *SMALL, "--quiet"]
    result = CliRunner().invoke(app, [*words, "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout)["study"] == "toy"
    assert "no vectors today" in result.stderr


def test_studies_are_listed_and_a_wrong_name_gets_advice(toy_file: Path, tmp_path: Path) -> None:
    with pytest.raises(XstiltsError, match="did you mean 'reasoning'?"):
        invoke("reasonin", toy_file, "--store", tmp_path / "store", *SMALL)
    assert "multimodal: Does English" in " ".join(invoke("--help").split())
