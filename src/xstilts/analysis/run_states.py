"""States of runs: what must be known of a run before its score is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


class RunState(StrEnum):
    """One thing to know of a run, or of all runs of a setting on a target."""

    DIVERGED = "diverged"
    """A loss or an output was not finite in one of its trainings: there is no score."""
    COLLAPSED = "collapsed"
    """The chosen checkpoint of one of its trainings gives one answer to all of English dev."""
    FP32_RETRY = "fp32-retry"
    """One of its trainings diverged in bf16 and was repeated in fp32; its score is used."""
    PARTIAL = "partial"
    """Scores are still missing."""
    SAME_DATA = "same-data"
    """The intermediate setting contains the target's own training data."""


States = frozenset[RunState]
NO_STATES: States = frozenset()
FAILED: States = frozenset({RunState.DIVERGED, RunState.COLLAPSED})
"""With one of these a run's score is not used."""
COLUMN, DATA_NOTES, NOTE = "states", "data_notes", "note"


def all_states(groups: Iterable[Collection[RunState]]) -> States:
    """The states that any of the groups has."""
    return frozenset(state for states in groups for state in states)


def states_text(states: Collection[RunState]) -> str:
    """States as people read them: their names in alphabetical order, separated by spaces."""
    return " ".join(sorted(states))


def has_state(frame: pd.DataFrame, state: RunState) -> pd.Series[bool]:
    """For each row of a frame with the column `states`, whether it has one of them."""
    return frame[COLUMN].map(lambda states: state in states).astype(bool)


def without_state(frame: pd.DataFrame, state: RunState, rows: pd.Series[bool]) -> pd.DataFrame:
    """The frame with one state taken from some of its rows."""
    pairs = zip(frame[COLUMN], rows, strict=True)
    return frame.assign(states=[held - {state} if chosen else held for held, chosen in pairs])


def with_notes(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame for files and terminals: `states` and `data_notes` as text in a column `note`."""
    if COLUMN not in frame:
        return frame
    data_notes = frame[DATA_NOTES] if DATA_NOTES in frame else [""] * len(frame)
    texts = [
        "; ".join(filter(None, (states_text(states), note)))
        for states, note in zip(frame[COLUMN], data_notes, strict=True)
    ]
    shown = frame.drop(columns=DATA_NOTES, errors="ignore")
    return shown.assign(states=texts).rename(columns={COLUMN: NOTE})
