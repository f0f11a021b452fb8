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
        "mlqa": "xstilts.tasks.xtreme.targets:MLQA",
        "pan-x": "xstilts.tasks.xtreme.targets:PAN_X",
        "paws-x": "xstilts.tasks.xtreme.targets:PAWS_X",
        "tydiqa": "xstilts.tasks.xtreme.targets:TYDIQA",
        "udpos": "xstilts.tasks.xtreme.targets:UDPOS",
        "xnli": "xstilts.tasks.xtreme.targets:XNLI",
        "xquad": "xstilts.tasks.xtreme.targets:XQUAD",
    },
)
