"""Executors: who runs a plan's stages, and where."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.executors.base import ExecutorFactory

EXECUTORS: Registry[ExecutorFactory] = Registry(
    "executor",
    "xstilts.executors",
    {
        "local": "xstilts.executors.local:LocalExecutor",
        "ray": "xstilts.executors.ray:RayExecutor",
        "slurm": "xstilts.executors.slurm:SlurmExecutor",
    },
)
"""Name → what makes the executor of a run."""
