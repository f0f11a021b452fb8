"""A recipe search run by the executor: a diverging rate loses, and the choice is used."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import xstilts
from xstilts.cli.output.plan import show_plan
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import Artifact
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.planning.compile import compile_experiment
from xstilts.stages.base import CHOOSE_RECIPE
from xstilts.stages.choose_recipe import CHOICE, RECIPE

LOST = 1e30


@pytest.fixture(scope="module")
def searched(toy_file: Path) -> LoadedExperiment:
    """The toy experiment with a rate that diverges, one that is too low, and a good one."""
    changes = ["name=searched", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"]
    search = f"search={{learning_rate: [{LOST:e}, 1.0e-7, 0.003]}}"
    return xstilts.load(str(toy_file), [*changes, search])


@pytest.fixture(scope="module")
def store(
    searched: LoadedExperiment,
    tmp_path_factory: pytest.TempPathFactory,
    run_in_process: Callable[..., RunResult],
) -> Store:
    folder = tmp_path_factory.mktemp("searched") / "store"
    outcome = run_in_process(searched, folder)
    assert (outcome.failed, outcome.skipped) == ({}, {})
    return Store(folder)


def stages(searched: LoadedExperiment) -> dict[str, Stage]:
    return {stage.label: stage for stage in compile_experiment(searched).plan.stages}


def choice(searched: LoadedExperiment, store: Store) -> Artifact:
    (stage,) = (stage for stage in stages(searched).values() if stage.kind == CHOOSE_RECIPE)
    return store.artifact(stage.key)


def test_a_diverging_rate_loses_and_stops_nothing(searched: LoadedExperiment, store: Store) -> None:
    record = json.loads(choice(searched, store).read(CHOICE))
    assert record["trials"][0]["failed"] == "diverged"
    assert record["chosen"] == {"learning_rate": 0.003}
    assert record["trainings"] == 3


@pytest.mark.usefixtures("in_process")
def test_the_final_training_equals_one_with_the_chosen_rate_written_down(
    searched: LoadedExperiment, store: Store, toy_file: Path, tmp_path: Path
) -> None:
    final = stages(searched)["train toy-kind (baseline) seed 0"]
    assert RECIPE in final.inputs
    written = xstilts.load(
        str(toy_file),
        ["name=written", "seeds=[0]", "intermediate=[none]", "targets=[toy-kind]"],
    )
    assert xstilts.run(written, store.root, workers=1).exit_code == 0
    plain = stages(written)["train toy-kind (baseline) seed 0"]
    assert plain.key != final.key
    chosen, direct = (store.artifact(stage.key).manifest["files"] for stage in (final, plain))
    assert chosen == direct


def test_every_trial_is_listed_with_its_score_and_the_choice(
    searched: LoadedExperiment, store: Store
) -> None:
    frame = xstilts.trials(searched, store.root)
    assert list(frame["chosen"]) == [False, False, True]
    assert frame["dev"].isna().tolist() == [True, True, False]
    assert frame["dev"][2] == choice(searched, store).facts["dev"]
    assert list(frame["note"][:2]) == ["diverged", "collapsed"]
    assert (frame["seconds"] > 0).all()


def test_the_report_shows_the_trials_and_what_they_cost(
    searched: LoadedExperiment, store: Store, tmp_path: Path
) -> None:
    text = xstilts.report(searched, tmp_path / "r.md", store.root, form="md").read_text()
    assert "## Recipe search" in text
    assert "learning_rate 0.003" in text
    assert "3 trainings" in text
    page = xstilts.report(searched, tmp_path / "r.html", store.root).read_text()
    assert "Recipe search" in page


def test_a_second_run_starts_no_stage(searched: LoadedExperiment, store: Store) -> None:
    assert xstilts.run(searched, store.root, workers=1).done == []


def test_the_plan_counts_the_trainings_of_the_search_and_their_cost(
    searched: LoadedExperiment, store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(xstilts.plan(searched, tmp_path / "empty"))
    search = " ".join(capsys.readouterr().out.split()).partition("recipe search:")[2]
    assert search.startswith(" 3 trainings, 3 to do")
    assert "GPU-hours" in search.partition("process")[2]
    show_plan(xstilts.plan(searched, store.root))
    assert "recipe search" not in capsys.readouterr().out


def test_a_choice_is_shown_although_the_trials_were_removed(
    searched: LoadedExperiment, store: Store, tmp_path: Path
) -> None:
    copy = Store(Path(shutil.copytree(store.root, tmp_path / "store")))
    (made,) = (stage for stage in stages(searched).values() if stage.kind == CHOOSE_RECIPE)
    for key in made.inputs.values():
        shutil.rmtree(copy.artifact(key).path)
    frame = xstilts.trials(searched, copy.root)
    assert list(frame["chosen"]) == [False, False, True]
    assert frame["dev"][2] == choice(searched, store).facts["dev"]


def test_an_experiment_without_a_search_has_no_trials(
    toy: LoadedExperiment, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert xstilts.trials(toy, tmp_path / "empty").empty
    assert "search" in caplog.text
