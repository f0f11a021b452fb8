"""Compare gains of tasks that were not evaluated on the same targets, languages and seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BLOCK = ["target", "language", "seed"]


def remove_block_effects(table: pd.DataFrame) -> pd.DataFrame:
    """Remove the effects of blocks of (target, language, seed) from gains.

    Least squares fit of gain = task + block, in which the targets of a task weigh equally. If
    every task has a gain in every block, the differences between tasks do not change. If a task
    has no gain on some targets, such as one whose training data it is, easy or hard targets do
    not bias its mean. Tasks are comparable only within a part of `comparable_parts`.

    Args:
        table: see `group_contrast.COLUMNS`; NaN gains stay NaN.
    """
    measured = table[table["gain"].notna()]
    if measured.empty:
        return table
    block = measured.groupby(BLOCK).ngroup().to_numpy()
    task = measured.groupby("task").ngroup().to_numpy()
    rows = measured.groupby(["task", "target"])["gain"].transform("size").to_numpy()
    weight = 1 / np.sqrt(rows)
    design = np.concatenate([np.eye(task.max() + 1)[task], np.eye(block.max() + 1)[block]], axis=1)
    gains = measured["gain"].to_numpy(dtype=np.float64)
    fitted = np.linalg.lstsq(design * weight[:, None], gains * weight, rcond=None)[0]
    effects = fitted[task.max() + 1 :]
    return table.assign(gain=measured["gain"] - effects[block] + effects.mean())


def comparable_parts(table: pd.DataFrame) -> dict[str, int]:
    """Task → the number of its part, for the tasks with a gain.

    Two tasks of a part have gains in a common block, or are linked by tasks between them. Between
    parts, differences of tasks cannot be told from differences of blocks.

    Args:
        table: see `group_contrast.COLUMNS`.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    measured = table[table["gain"].notna()]
    if measured.empty:
        return {}
    task = measured.groupby("task").ngroup().to_numpy()
    block = measured.groupby(BLOCK).ngroup().to_numpy() + task.max() + 1
    size = int(block.max()) + 1
    links = coo_array((np.ones(len(task)), (task, block)), shape=(size, size))
    part = connected_components(links, directed=False)[1]
    return {str(name): int(part[one]) for name, one in zip(measured["task"], task, strict=True)}
