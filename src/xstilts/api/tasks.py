"""The tasks that experiments can use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.suites import members

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "dev", "test")


def tasks(names: str | Sequence[str] = ()) -> pd.DataFrame:
    """One row per task, sorted by name.

    Columns: task, format, train, dev, test (examples in all languages; 0 without that split, None
    if known only when read), languages (codes, separated by spaces), metrics, licence, source.

    Args:
        names: tasks or suites (`tasks.suites.SUITES`); by default every task that is installed.

    Raises:
        UnknownNameError: neither a suite nor a task.
    """
    import pandas as pd

    wanted = [names] if isinstance(names, str) else list(names)
    rows = [_row(TASKS.get(name)) for name in (sorted(members(wanted)) if wanted else TASKS)]
    return pd.DataFrame(rows).astype(dict.fromkeys(SPLITS, "Int64"))


def _row(task: TaskSpec) -> dict[str, str | int | None]:
    return {
        "task": task.name,
        "format": task.format,
        **{split: split_size(task, split) for split in SPLITS},
        "languages": " ".join(task.languages),
        "metrics": " ".join(task.metrics),
        "licence": task.licence,
        "source": task.source,
    }


def split_size(task: TaskSpec, split: str) -> int | None:
    """Examples of a split in all languages: 0 without that split, None if known only when read."""
    if split not in task.splits:
        return 0
    known = [count for (name, _), count in task.sizes.items() if name == split]
    return sum(known) if known else None
