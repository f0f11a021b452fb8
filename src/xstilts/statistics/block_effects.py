"""Compare gains of tasks that were not evaluated on the same targets, languages and seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BLOCK = ["target", "language", "seed"]


def remove_block_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Remove the effects of blocks of (target, language, seed) from gains.

    Least squares fit of gain = task + block. If every task has a gain in every block, the
    differences between tasks do not change. If a task has no gain on some targets, such as one
    whose training data it is, easy or hard targets do not bias its mean.

    Args:
        table: see `group_contrast.COLUMNS`; NaN gains stay NaN.
    """
    measured = table[table["gain"].notna()]
    if measured.empty:
        return table
    block = measured.groupby(BLOCK).ngroup().to_numpy()
    task = measured.groupby("task").ngroup().to_numpy()
    design = np.concatenate([np.eye(task.max() + 1)[task], np.eye(block.max() + 1)[block]], axis=1)
    gains = measured["gain"].to_numpy(dtype=np.float64)
    effects = np.linalg.lstsq(design, gains, rcond=None)[0][task.max() + 1 :]
    return table.assign(gain=measured["gain"] - effects[block] + effects.mean())
