"""What `plan` lists: what is to do, or everything."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

import xstilts
from xstilts.cli.output import plan
from xstilts.cli.output.plan_json import plan_as_json
from xstilts.cli.output.study import question_lines
from xstilts.config.load import LoadedExperiment
from xstilts.core.units import duration
from xstilts.planning.data_sources import DataSource
from xstilts.studies.prospects import Prospect

DONE = "predict toy-kind (baseline) en seed 0"


def listed(
    capsys: pytest.CaptureFixture[str], loaded: LoadedExperiment, store: Path, *, every: bool
) -> str:
    plan.show_plan(xstilts.plan(loaded, store), all_stages=every)
    return capsys.readouterr().out


def test_plan_lists_finished_stages_only_with_all(
    capsys: pytest.CaptureFixture[str], small: LoadedExperiment, finished: Path
) -> None:
    assert DONE not in listed(capsys, small, finished, every=False)
    shown = listed(capsys, small, finished, every=True)
    assert DONE in shown
    assert "done" in shown


def test_plan_of_a_finished_experiment_is_a_few_lines(
    capsys: pytest.CaptureFixture[str], small: LoadedExperiment, finished: Path
) -> None:
    assert len(listed(capsys, small, finished, every=False).splitlines()) < 5


def test_a_large_plan_is_totals_by_kind(
    capsys: pytest.CaptureFixture[str],
    small: LoadedExperiment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert DONE in listed(capsys, small, tmp_path / "store", every=False)
    monkeypatch.setattr(plan, "LISTED", 3)
    assert DONE not in listed(capsys, small, tmp_path / "store", every=False)
    assert DONE in listed(capsys, small, tmp_path / "store", every=True)


def test_a_plan_warns_of_what_one_seed_cannot_show(
    capsys: pytest.CaptureFixture[str], small: LoadedExperiment, tmp_path: Path
) -> None:
    warning = "one seed cannot show"
    assert warning in listed(capsys, small, tmp_path / "store", every=False)
    *notes, power = plan_as_json(xstilts.plan(small, tmp_path / "store"), ["first"])["notes"]
    assert notes == ["first"]
    assert power.startswith(warning)
    plan.show_summary(xstilts.plan(small, tmp_path / "store"))  # what `run` begins with
    assert warning in capsys.readouterr().out


@pytest.mark.parametrize(
    ("languages", "shown"),
    [
        (("de", "en:de", "ru", "en:ru"), "(de ru)"),
        (("de", "en", "candidates", "candidates:en"), "(de en)"),
        (("candidates",), "(candidates)"),
    ],
)
def test_what_is_searched_is_no_language_of_missing_data(
    capsys: pytest.CaptureFixture[str],
    small: LoadedExperiment,
    tmp_path: Path,
    languages: tuple[str, ...],
    shown: str,
) -> None:
    missing = DataSource("mine", "test", languages, None, guessed=False)
    summary = replace(xstilts.plan(small, tmp_path / "store"), supplies=(missing,))
    plan.show_summary(summary)  # what `run` begins with
    assert f"missing: mine test {shown}: not in" in capsys.readouterr().out
    assert plan_as_json(summary)["missing"][0].startswith(f"mine test {shown}: not in")
    assert f"Missing: mine test {shown}: not in" in summary._repr_html_()


def test_the_beginning_of_a_question_is_not_repeated() -> None:
    questions = ("A minus B, over all", "A minus B, on some", "C minus D")
    lines = list(question_lines([Prospect(words, False, "why") for words in questions]))
    assert [text for text, _ in lines] == [
        "no: A minus B, over all",
        "no: … on some",
        "no: C minus D",
    ]


def test_long_durations_have_no_minutes() -> None:
    shown = [duration(seconds) for seconds in (3, 200, 18_600, 3_600 * 1_234 + 120)]
    assert shown == ["3.0 s", "3 min 20 s", "5 h 10 min", "1,234 h"]
