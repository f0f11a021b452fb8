"""Trackers: where a run's events go besides the progress display."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.trackers.base import TrackerFactory

TRACKERS: Registry[TrackerFactory] = Registry(
    "tracker",
    "xstilts.trackers",
    {
        "jsonl": "xstilts.trackers.jsonl:JsonlTracker",
        "mlflow": "xstilts.trackers.mlflow:MlflowTracker",
        "tensorboard": "xstilts.trackers.tensorboard:TensorBoardTracker",
        "trackio": "xstilts.trackers.trackio:TrackioTracker",
        "wandb": "xstilts.trackers.wandb:WandbTracker",
    },
)
"""Name → what makes the tracker of a run."""
