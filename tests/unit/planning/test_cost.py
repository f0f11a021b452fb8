"""Expected cost of a plan against hand calculation, and its missing data."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.plan import show_plan, show_summary
from xstilts.config.load import LoadedExperiment
from xstilts.planning.cost import gpu_hours
from xstilts.planning.data_sources import DataSource
from xstilts.tasks.origin import OriginKind

LARGE = """
name: large
encoder: xlm-roberta-large
intermediate: [none, mnli, "ccg"]
targets: [xnli, bucc]
task_languages: {bucc: [de]}
"""
BLOCKS = 24 * 12 * 1024**2  # weights of XLM-R Large's Transformer


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE)
    return path


def seen(path: Path, *overrides: str) -> PlanSummary:
    return xstilts.plan(xstilts.load(str(path), overrides), path.parent / "store", workers=1)


def operations(outlook: PlanSummary, label: str) -> float:
    found = [stage for stage in outlook.compiled.plan.stages if stage.label == label]
    return found[0].cost.operations


def test_operations_of_mnli_on_xlm_r_large_follow_the_formula(large: Path) -> None:
    """Six operations per weight and sub-word: 392,702 examples of about 52, three times."""
    found = operations(seen(large), "train mnli seed 0")
    assert found == pytest.approx(6 * BLOCKS * 52 * 3 * 392_702, rel=0.02)
    assert found == pytest.approx(1.1e17, rel=0.05)


def test_predictions_count_forward_passes_only(large: Path) -> None:
    found = operations(seen(large), "predict xnli (baseline) th seed 0")
    assert found == 2 * BLOCKS * 52 * 5010


def test_search_costs_one_matrix_product(large: Path) -> None:
    """Of all sentences of both sides: BUCC's Chinese dev set is counted, its test set is not."""
    outlook = seen(large, "task_languages={bucc: [zh]}", "intermediate=[none]")
    found = operations(outlook, "mine bucc (baseline) zh dev")
    assert found == 2 * 8_624 * 13_589 * 1024
    assert operations(outlook, "mine bucc (baseline) zh") == 2 * 1000 * 1000 * 1024
    guessed = {one.split for one in outlook.supplies if one.task == "bucc" and one.guessed}
    assert guessed == {"test"}


def test_gpu_hours_are_operations_divided_by_the_rate() -> None:
    assert gpu_hours(3.6e17) == pytest.approx(1.0)
    assert gpu_hours(3.6e17, tflops=200) == pytest.approx(0.5)


def test_estimated_time_is_proportional_to_operations(large: Path) -> None:
    outlook = seen(large)
    stages = [stage for stage in outlook.compiled.plan.stages if stage.kind == "train"]
    for stage in stages:
        assert stage.cost.seconds == pytest.approx(1 + stage.cost.operations / 60e9)
    assert outlook.operations == sum(s.cost.operations for s in outlook.compiled.plan.stages)


def test_finished_stages_cost_nothing(small: LoadedExperiment, finished: Path) -> None:
    assert xstilts.plan(small, finished).operations == 0


def test_masked_lm_cost_includes_its_steps_and_the_vocabulary(tmp_path: Path) -> None:
    """A quarter of the steps on top; of its sub-words 15 % meet the embedding matrix."""
    path = tmp_path / "masked.yaml"
    path.write_text(
        LARGE.replace('"ccg"', "mnli+text")
        + "recipes: {intermediate: {mlm_share: 0.25, num_evals: 1}}\n"
        + "tasks: {text: {format: masked_lm, files: '{language}.txt', splits: {train: [de]}}}\n"
        + "limits: {train: 32000, dev: 1}\n"
    )
    plain, mixed = (
        operations(seen(path), f"train {name} seed 0") for name in ("mnli", "mnli+text")
    )
    steps = 3 * 1000 / 3  # so that they are a quarter of all
    subwords = steps * 32 * 16
    more = 6 * subwords * (BLOCKS + 0.15 * 250_002 * 1024) + 60 * BLOCKS * steps
    assert mixed - plain == pytest.approx(more, rel=0.001)


def test_a_plan_without_data_lists_missing_files_and_hub_datasets(large: Path) -> None:
    found = {(one.task, one.split): one for one in seen(large).supplies}
    assert found["mnli", "train"] == DataSource(
        "mnli", "train", ("en",), OriginKind.HUB, guessed=False
    )
    assert found["bucc", "test"] == DataSource("bucc", "test", ("de", "en:de"), None, guessed=True)
    assert found["ccg", "train"].origin is None
    assert len(found["xnli", "test"].languages) == 15
    limited = seen(large, "limits.test=500").supplies
    assert not next(one for one in limited if one.split == "test" and one.task == "bucc").guessed


def test_present_files_are_not_listed_as_missing(large: Path) -> None:
    place = large.parent / "xtreme" / "bucc2018"
    place.mkdir(parents=True)
    for ending in ("de", "en"):
        (place / f"de-en.test.{ending}").write_text(f"{ending}-1\ta sentence\n")
    outlook = seen(large, f"data={large.parent}")
    origins = {(one.task, one.split): one.origin for one in outlook.supplies}
    assert (origins["bucc", "test"], origins["bucc", "dev"]) == (OriginKind.FILE, None)


def test_the_missing_files_of_own_tasks_are_named(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = (
        '{format: classification, files: "d/{split}-{language}.tsv", columns: [text, label], '
        "labels: [a, b], codes: {de: deu}, splits: {train: [en], dev: [en], test: [de, fr]}}"
    )
    outlook = seen(large, f"tasks.mine={mine}", "targets=[mine]", "task_languages=", "seeds=[0]")
    show_plan(outlook)
    printed = capsys.readouterr().out
    assert "missing: mine train (en): no file d/train-en.tsv" in printed
    assert "missing: mine test (de fr): no file d/test-deu.tsv and 1 more" in printed


def test_printed_gpu_hours_name_the_assumed_rate(
    large: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outlook = seen(large)
    show_plan(outlook, tflops=50)
    printed = capsys.readouterr().out
    hours = outlook.operations / 50e12 / 3600
    assert f"{hours:,.1f} GPU-hours, if a GPU sustains 50 TFLOP/s" in printed
    assert "missing: bucc test (de)" in printed
    assert "splits by language: mnli train dev, xnli test" in printed
    assert "1,000 examples per language: ccg dev, bucc dev test" in printed
    show_summary(outlook)
    assert "TFLOP" not in capsys.readouterr().out
