"""Two experiments compared: what differs, paired intervals, and no pairs of different test data."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.analysis.comparison import MEAN, Comparison, ScoreDifference
from xstilts.api.compare import compared_experiment
from xstilts.cli.app import app
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.reports.comparison_page import comparison_page, examples_text, interval_picture

OVERRIDES = ("intermediate=[none]", "targets=[toy-kind]", "seeds=[0, 1]")
Run = Callable[[LoadedExperiment, Path], Store]


def variant(toy_file: Path, name: str, *changes: str) -> LoadedExperiment:
    return xstilts.load(str(toy_file), [f"name={name}", *OVERRIDES, *changes])


@pytest.fixture(scope="module")
def store(toy_file: Path, tmp_path_factory: pytest.TempPathFactory, run_in_process: Run) -> Path:
    """Long and short trainings, and long ones with fewer test examples; do not write to it."""
    folder = tmp_path_factory.mktemp("compared") / "store"
    for name, changes in {
        "long": (),
        "short": ("recipes.target.epochs=4",),
        "collapsed": ("recipes.target.epochs=1",),
        "few": ("limits.test=7",),
    }.items():
        run_in_process(variant(toy_file, name, *changes), folder)
    return folder


def of_language(comparison: Comparison, language: str) -> ScoreDifference:
    (found,) = (one for one in comparison.scores if one.language == language)
    return found


def test_the_difference_is_that_of_the_scores_in_the_results(store: Path) -> None:
    comparison = xstilts.compare("long", "short", store)
    results = xstilts.results(store=store)
    for language in ("en", "xx"):
        one = of_language(comparison, language)
        rows = results[(results["language"] == language) & (results["metric"] == one.metric)]
        means = rows.groupby("experiment")["value"].mean()
        assert one.a == pytest.approx(means["long"])
        assert one.b == pytest.approx(means["short"])
        assert one.difference == pytest.approx(means["short"] - means["long"])
        assert one.low <= one.difference <= one.high
        assert (one.a_seeds, one.b_seeds) == (2, 2)


def test_the_mean_leaves_out_english(store: Path) -> None:
    comparison = xstilts.compare("long", "short", store)
    mean = of_language(comparison, MEAN)
    assert mean.difference == of_language(comparison, "xx").difference
    assert mean.languages == 1
    assert mean.p_holm == mean.p > 0


def test_comparisons_in_both_directions_are_mirrored(store: Path) -> None:
    there, back = (
        of_language(xstilts.compare(*pair, store), "en")
        for pair in (("long", "short"), ("short", "long"))
    )
    assert there.difference == -back.difference
    assert there.low == pytest.approx(-back.high)


def test_what_differs_is_named(store: Path) -> None:
    comparison = xstilts.compare("long", "short", store)
    changes = {change.field: (change.a, change.b) for change in comparison.changes}
    (field,) = (name for name in changes if name.startswith("recipes.target"))
    assert field.endswith("epochs")
    assert changes[field] == ("6", "4")
    assert "name" not in changes


def test_equal_runs_have_no_difference_and_no_test(store: Path) -> None:
    comparison = xstilts.compare("long", "long", store)
    for one in comparison.scores:
        assert one.same_runs
        assert (one.low, one.difference, one.high) == (0, 0, 0)
        assert not one.significant
    assert comparison.changes == ()
    assert comparison.a != comparison.b


def test_only_common_examples_are_compared(store: Path) -> None:
    one = of_language(xstilts.compare("long", "few", store), "xx")
    assert one.n == one.b_n == 7 < one.a_n
    assert one.difference == 0  # the same trainings on the same examples
    assert one.same_runs
    assert examples_text(one).startswith("7 of ")


def test_other_test_data_of_the_same_ids_are_refused(
    toy_file: Path, store: Path, tmp_path: Path, run_in_process: Run
) -> None:
    shutil.copytree(toy_file.parent, tmp_path / "toy")
    changed = tmp_path / "toy" / "data" / "kind-test-xx.tsv"
    lines = changed.read_text("utf-8").splitlines()
    changed.write_text("\n".join(["x" + lines[0], *lines[1:]]) + "\n", "utf-8")
    other = tmp_path / "other"
    run_in_process(variant(tmp_path / "toy" / toy_file.name, "long"), other)
    comparison = xstilts.compare("long", "long", store, other)
    (refused,) = comparison.unpaired
    assert refused.language == "xx"
    assert "different test data: 1 of" in refused.reason
    assert [one.language for one in comparison.scores] == [MEAN, "en"]
    assert {comparison.a, comparison.b} == {"long (store)", "long (other)"}


def test_experiments_with_nothing_in_common_are_refused(toy_file: Path, store: Path) -> None:
    with pytest.raises(ConfigError, match="only in"):
        xstilts.compare("short", variant(toy_file, "tags", "targets=[toy-tags]"), store)


def test_experiments_of_which_all_runs_collapsed_are_refused(store: Path) -> None:
    with pytest.raises(ConfigError, match="collapsed: seed 0 collapsed, seed 1 collapsed"):
        xstilts.compare("long", "collapsed", store)


def test_an_unknown_experiment_is_refused(store: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        xstilts.compare("long", "nowhere", store)


def test_a_store_of_several_experiments_needs_a_name(store: Path) -> None:
    with pytest.raises(ConfigError, match="4 experiments") as error:
        xstilts.compare("long", store, store)
    assert "short@" in str(error.value.todo)


def test_the_folder_of_a_store_is_its_experiment(finished: Path) -> None:
    assert compared_experiment(finished, None).name == "small"


def test_one_seed_has_no_p_value(store: Path, finished: Path) -> None:
    mean = of_language(xstilts.compare("short", "small", store, finished), MEAN)
    assert (mean.a_seeds, mean.b_seeds) == (1, 1)  # the common one
    assert mean.p != mean.p
    assert not mean.significant


def test_the_page_is_equal_for_equal_results(store: Path, tmp_path: Path) -> None:
    pages = []
    for name in "ab":
        path = tmp_path / name / "page.html"
        xstilts.compare("long", "short", store, path=path)
        pages.append(path.read_bytes())
    assert pages[0] == pages[1]
    text = pages[0].decode()
    assert "<script" not in text
    assert text.count("<svg") == text.count("<title>") - 1 == 3
    assert str(store) not in text


def test_names_on_the_page_are_escaped(store: Path) -> None:
    comparison = dataclasses.replace(xstilts.compare("long", "short", store), a="<b>x</b>")
    assert "<b>" not in comparison_page(comparison)


def test_a_picture_shows_the_sign_of_the_difference(store: Path) -> None:
    one = of_language(xstilts.compare("long", "short", store), "en")
    higher = dataclasses.replace(one, difference=0.1, low=0.05, high=0.15)
    lower = dataclasses.replace(one, difference=-0.1, low=-0.15, high=-0.05)
    assert 'class="up"' in interval_picture(higher, 0.2)
    assert 'class="down"' in interval_picture(lower, 0.2)
    assert "+5.0 to +15.0" in interval_picture(higher, 0.2)


def command(*words: str) -> str:
    result = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"}).invoke(app, ["compare", *words])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_terminal_shows_differences_within_80_columns(store: Path, tmp_path: Path) -> None:
    page = tmp_path / "x.html"
    shown = command("long", "short", "--store", str(store), "--out", str(page))
    *lines, wrote = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert "toy-kind after none" in shown
    assert wrote == f"wrote {page}"
    assert page.exists()


def test_a_dash_writes_the_page_to_standard_output(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = command("long", "short", "--store", str(store), "--out", "-")
    assert page == comparison_page(xstilts.compare("long", "short", store))
    assert not list(tmp_path.iterdir())


def test_json_has_numbers_and_no_nan(store: Path) -> None:
    found = json.loads(command("long", "short", "--store", str(store), "--json"))
    assert [one["language"] for one in found["scores"]] == [MEAN, "en", "xx"]
    assert found["scores"][1]["p"] is None
    assert isinstance(found["scores"][0]["difference"], float)


def test_the_table_has_a_row_per_language(store: Path) -> None:
    table = xstilts.compare("long", "short", store).table
    assert list(table["language"]) == [MEAN, "en", "xx"]
    assert {"difference", "low", "high", "p_holm"} <= set(table.columns)
