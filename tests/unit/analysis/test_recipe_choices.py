"""What is said about a choice: its cost, failures, and that it lies at an end of the values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from xstilts.analysis.recipe_choices import RecipeSearchResult, choice_text, trial_table
from xstilts.stages.choose_recipe import TrialScore


def result(
    values: Sequence[Any], scores: Sequence[float | None], chosen: int | None, todo: int = 0
) -> RecipeSearchResult:
    trials = tuple(
        TrialScore({"learning_rate": value}, score, {"100": score}, "", 8)
        for value, score in zip(values, scores, strict=True)
    )
    seconds = tuple(2.0 for _ in trials)
    return RecipeSearchResult("e", "target", "xnli", "none", trials, seconds, chosen, (100,), todo)


@pytest.mark.parametrize(
    ("scores", "chosen", "note"),
    [
        ((0.1, 0.5, 0.9), 2, "the largest learning_rate"),
        ((0.9, 0.5, 0.1), 0, "the smallest learning_rate"),
        ((0.5, 0.5, 0.5), 0, "3 trials share"),
        ((0.5, 0.5, 0.1), 0, "2 trials share"),
        ((0.0, None, 0.0), 0, "above 0"),
        ((0.5, 0.9, 0.1), 1, ""),
        ((None, 0.9, None), 1, ""),
    ],
)
def test_a_choice_without_support_is_noted(
    scores: tuple[float | None, ...], chosen: int, note: str
) -> None:
    search = result((1e-5, 3e-5, 1e-4), scores, chosen)
    assert note in choice_text(search)
    assert len(search.notes) == bool(note)
    assert note in trial_table([search])["note"][chosen]


def test_values_without_an_order_have_no_end() -> None:
    assert result(("best", "last"), (0.5, 0.9), 1).notes == ()
    assert result((None, 3), (0.5, 0.9), 1).notes == ()


def test_trials_to_do_are_counted_and_have_no_choice() -> None:
    search = result((1e-5, 3e-5), (0.5, None), None, todo=1)
    assert "1 trainings to do" in choice_text(search)
    frame = trial_table([search])
    assert list(frame["note"]) == ["", "to do"]
    assert not frame["chosen"].any()


def test_a_search_that_failed_says_so() -> None:
    assert "no trial that can be used" in choice_text(result((1e-5, 3e-5), (None, None), None))


def test_the_cost_is_in_the_text() -> None:
    text = choice_text(result((1e-5, 3e-5, 1e-4), (0.5, 0.9, 0.1), 1))
    assert "3 trainings, 6 s" in text
    assert "dev 90.0" in text
