"""Results, plans and reports say what is computed in bf16."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import xstilts
from xstilts.analysis.data_notes import with_data_notes
from xstilts.analysis.precision_note import plan_precision_note
from xstilts.analysis.run_states import with_notes
from xstilts.api.handle import open_experiment
from xstilts.api.plan_precision import slow_bf16_warning
from xstilts.core import cpu_features
from xstilts.core.cpu_features import has_fast_bf16
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import compile_experiment

BF16 = "recipes.target.precision=bf16"


def note(toy_file: Path, *changes: str) -> str:
    return plan_precision_note(compile_experiment(xstilts.load(str(toy_file), changes)).plan.stages)


def write_flags(path: Path, monkeypatch: pytest.MonkeyPatch, flags: str) -> None:
    path.write_text(flags, encoding="utf-8")
    monkeypatch.setattr(cpu_features, "CPUINFO", path)


@pytest.mark.parametrize("precision", ["bf16", None])
def test_results_note_predictions_in_bf16(tmp_path: Path, precision: str | None) -> None:
    store = Store(tmp_path / "store").prepare()
    params = {"precision": precision} if precision else {}
    predicted = Stage("predict", 1, params, {}, label="predict")
    score = Stage("score", 1, {}, {"predictions": predicted.key}, label="score")
    for stage in (predicted, score):
        with store.staging(stage.key) as folder:
            store.publish(stage, folder, {}, {})
    frame = pd.DataFrame({"key": [score.key], "states": [frozenset()]})
    (text,) = with_notes(with_data_notes(frame, store))["note"]
    assert text == ("predictions computed in bf16" if precision else "")


def test_a_plan_counts_what_is_in_bf16(toy_file: Path) -> None:
    settings = ["targets=[toy-kind]", "intermediate=[none, toy-tags]", "seeds=[0]"]
    assert note(toy_file, *settings) == ""
    text = note(toy_file, *settings, BF16)
    assert "2 of 3 trainings" in text
    assert "sentence vectors" not in text
    assert "sentence vectors" in note(toy_file, "targets=[toy-search]", "retrieval.precision=bf16")


@pytest.mark.parametrize(("changes", "noted"), [([], False), ([BF16], True)])
def test_a_report_says_what_is_in_bf16(
    toy_file: Path, tmp_path: Path, changes: list[str], noted: bool
) -> None:
    handle = open_experiment(xstilts.load(str(toy_file), changes), tmp_path / "store")
    for form in ("html", "md"):
        path = xstilts.report(handle.loaded, tmp_path / f"report.{form}", handle.store, form=form)
        assert ("Computed in bf16" in path.read_text(encoding="utf-8")) is noted


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("flags\t\t: fpu avx2 amx_bf16 amx_tile", True),
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("flags\t\t: fpu avx2 avx512f", False),
        ("Features\t: fp asimd bf16", True),
        ("processor\t: 0", None),
    ],
)
def test_flags_of_a_cpu_say_whether_bf16_is_fast(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, fast: bool | None
) -> None:
    write_flags(tmp_path / "cpuinfo", monkeypatch, f"model\t: 1\n{flags}\n")
    assert has_fast_bf16() is fast


@pytest.mark.parametrize(
    ("flags", "changes", "warned"),
    [
        ("flags\t: avx2", [BF16], True),
        ("flags\t: avx2", [], False),
        ("flags\t: amx_bf16", [BF16], False),
    ],
)
def test_a_plan_warns_of_bf16_on_a_cpu_that_is_slow_at_it(
    toy_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: str,
    changes: list[str],
    warned: bool,
) -> None:
    write_flags(tmp_path / "cpuinfo", monkeypatch, flags)
    handle = open_experiment(xstilts.load(str(toy_file), changes), tmp_path / "store")
    assert bool(slow_bf16_warning(handle.summary())) is warned
