"""Whether two prepared sets can hold the same examples."""

from __future__ import annotations

from xstilts.core.stage import Stage
from xstilts.tasks import TASKS
from xstilts.tasks.shuffled_labels import original_name


def share_examples(one: Stage, other: Stage) -> bool:
    """Whether two prepared sets have one source and shares of it that overlap."""
    if any(stage.kind != "prepare" for stage in (one, other)):
        return False
    (a, b), same = (one.params, other.params), ("data", "language")
    if any(a[name] != b[name] for name in same):
        return False
    name = original_name(a["task"])
    task = TASKS.get(name) if name in TASKS else None
    if task and task.with_data_dir is None and a["split"] != b["split"]:
        return False  # one package holds all splits, separately
    (low, high), (start, end) = (part.get("share", (0, 100)) for part in (a, b))
    return bool(low < end and start < high)
