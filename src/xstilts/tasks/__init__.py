"""Tasks: what is trained on and tested. One file each; other packages add theirs."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.tasks.base import TaskSpec

TASKS: Registry[TaskSpec] = Registry(
    "task",
    "xstilts.tasks",
    {
        "home-intents": "xstilts.tasks.home.intents:TASK",
        "home-slots": "xstilts.tasks.home.slots:TASK",
        "home-nli": "xstilts.tasks.home.nli:TASK",
        "home-retrieval": "xstilts.tasks.home.retrieval:TASK",
    },
)
