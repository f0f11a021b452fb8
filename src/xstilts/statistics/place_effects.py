"""Gains of tasks that were not all tried at the same places."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

PLACE = ["target", "language", "seed"]


def remove_place_effects(table: pd.DataFrame) -> pd.DataFrame:
    """The gains without what all tasks have in common at a target, language and seed.

    By least squares, gain = task + place. Where every task has every place, the differences
    between tasks stay as they are. Where some have no gain on a target, such as on one whose
    training data they are, nobody is helped by an easy target or harmed by a hard one.

    Args:
        table: see `groups.COLUMNS`; NaN gains stay NaN.
    """
    known = table[table["gain"].notna()]
    if known.empty:
        return table
    place = known.groupby(PLACE).ngroup().to_numpy()
    task = known.groupby("task").ngroup().to_numpy()
    levels = np.concatenate([np.eye(task.max() + 1)[task], np.eye(place.max() + 1)[place]], axis=1)
    gains = known["gain"].to_numpy(dtype=np.float64)
    fitted = np.linalg.lstsq(levels, gains, rcond=None)[0][task.max() + 1 :]
    return table.assign(gain=known["gain"] - fitted[place] + fitted.mean())
