"""A pool whose only worker is the calling process: runs of tests then start no interpreter."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors import local, worker
from xstilts.stages.io import tokenized
from xstilts.testing.in_memory_worker import InMemoryWorker


@dataclass(eq=False)
class InProcessWorker(InMemoryWorker):
    """Runs each stage when it is sent; messages make a round trip through JSON."""

    store: Store

    def send(self, message: dict[str, Any]) -> None:
        """Run a stage; ignore messages about cores and stopping."""
        if "kind" in message:
            stage = Stage.from_json(json.loads(json.dumps(message)))
            worker.run_stage(self.store, stage, self._keep)

    def _keep(self, message: dict[str, Any]) -> None:
        self.unread.append(json.loads(json.dumps(message)))


class InProcessPool:
    """Stands in for `executors.pool.WorkerPool`; what a new worker process verifies is verified."""

    def __init__(self, root: Path, *_: object, **__: object) -> None:
        worker._verified_keys.clear()
        tokenized._checked.clear()
        self.root = root
        self.workers: list[InProcessWorker] = []

    @property
    def is_full(self) -> bool:
        """Whether the worker exists."""
        return bool(self.workers)

    def start(self) -> InProcessWorker:
        """Make the worker."""
        self.workers.append(InProcessWorker(Store(self.root)))
        return self.workers[0]

    def shortage(self, worker: InProcessWorker, stage: Stage) -> str:
        """Nothing that is known."""
        return ""

    def share_cores(self) -> None:
        """Leave the cores to the calling process."""

    def readable(self, timeout: float) -> Iterator[InProcessWorker]:
        """The worker, if it has messages."""
        return (worker for worker in list(self.workers) if worker.unread)

    def remove(self, worker: InProcessWorker) -> None:
        """Forget the worker."""
        self.workers.remove(worker)

    def cause_of_death(self, worker: InProcessWorker) -> str:
        """Nothing: the worker lives as long as the run."""
        raise AssertionError("the worker is this process")

    def close(self) -> None:
        """Forget the worker."""
        self.workers.clear()


@contextmanager
def in_process_executor() -> Iterator[None]:
    """Within the block, the local executor runs stages in this process."""
    with patch.object(local, "WorkerPool", InProcessPool):
        yield
