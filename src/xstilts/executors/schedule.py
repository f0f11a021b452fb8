"""Which of the stages that can run a worker gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from xstilts.core.stage import Stage


def choose_stage(
    ready: Iterable[Stage], loaded: str, loaded_elsewhere: Collection[str]
) -> Stage | None:
    """The first ready stage, preferably one whose model the worker has in memory.

    A stage whose model only another busy worker has in memory is the last choice.

    Args:
        loaded: affinity of the worker's last stage; empty for a new worker.
        loaded_elsewhere: affinities of the other busy workers' stages.
    """

    def rank(stage: Stage) -> int:
        if loaded and stage.affinity == loaded:
            return 0
        return 2 if stage.affinity and stage.affinity in loaded_elsewhere else 1

    return min(ready, key=rank, default=None)
