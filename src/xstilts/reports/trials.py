"""The table of recipe searches in a report."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from xstilts.analysis.recipe_choices import RecipeSearchResult, choice_texts, trial_table
from xstilts.reports.sections import Section
from xstilts.reports.tables import points, without_empty_note

LEGEND = (
    "Trials of the recipe search. Dev scores in points (0–100), means over the runs of a trial, "
    "which have seeds of their own; the best is chosen, and test data are never read. Seconds on "
    "one core, or on a GPU."
)


def trials_section(searches: Sequence[RecipeSearchResult]) -> Section | None:
    """All trials with their dev scores and the choice of each search; None without a search."""
    if not searches:
        return None
    table = trial_table(searches)
    shown = pd.DataFrame(
        {
            **{name: table[name] for name in ("encoder", "phase", "task", "after", "recipe")},
            "dev": [points(score) for score in table["dev"]],
            "runs": table["runs"].astype(str),
            "seconds": [f"{seconds:.0f}" for seconds in table["seconds"]],
            "chosen": ["yes" if chosen else "" for chosen in table["chosen"]],
            "note": table["note"],
        }
    )
    shown = without_empty_note(shown)
    if shown["encoder"].nunique() == 1:
        shown = shown.drop(columns="encoder")
    trainings = sum(search.num_trainings for search in searches)
    total = f"{trainings} trainings, {table['seconds'].sum():.0f} s."
    return Section("trials", "Recipe search", shown, (f"{LEGEND} {total}", *choice_texts(searches)))
