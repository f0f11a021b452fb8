"""What tells the runs of one experiment's name apart."""

from __future__ import annotations

from typing import Any

from xstilts.analysis.run_differences import (
    OTHER_DATA,
    RecordedRun,
    changed_keys,
    differences,
)


def run(experiment: str, digests: str, **config: Any) -> RecordedRun:
    return RecordedRun(experiment, digests, config, 0.0)


def test_runs_of_one_name_have_the_values_in_which_they_differ() -> None:
    recipes = {"target": {"epochs": 3, "batch_size": 8}}
    first = run("mine", "a", seeds=[0, 1], encoder="base", recipes=recipes)
    second = run("mine", "b", seeds=[0], encoder="base", recipes={"target": {"epochs": 1}})
    other = run("other", "c", seeds=[5])
    found = differences([first, second, other])
    assert found["mine@a"][:2] == ("seeds 0, 1", "recipes.target.epochs 3")
    assert found["mine@b"][:2] == ("seeds 0", "recipes.target.epochs 1")
    assert not any("encoder" in text for text in (*found["mine@a"], *found["mine@b"]))
    assert found["other@c"] == ()


def test_runs_with_other_data_say_so() -> None:
    same = differences([run("mine", "a", seeds=[0]), run("mine", "b", seeds=[0])])
    assert set(same.values()) == {(OTHER_DATA,)}


def test_long_values_are_cut() -> None:
    found = differences([run("mine", "a", tasks=["x" * 99]), run("mine", "b", tasks=[])])
    assert len(found["mine@a"][0]) < 60


def test_changed_keys_have_their_current_names() -> None:
    before, after = {"recipes": {"target": {"epochs": 1}}}, {"recipes": {"target": {"epochs": 2}}}
    assert list(changed_keys(before, after)) == ["recipes.target.epochs"]
    assert list(changed_keys(before, before)) == []
