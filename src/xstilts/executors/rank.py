"""A process that divides the trainings of a worker: it runs the same stage and publishes nothing.

Started by the worker as `python -m xstilts.executors.rank STORE RANK SIZE`. It reads JSON lines,
{"stage": {...}, "meeting": file, "secret": text} and {"cores": n}, and answers each stage with
{"done": true} or {"failed": problem, "contact": whether only the contact to others was lost,
"device": what it says of the GPU}. It ends at once when its standard input does, as then its worker
has ended; Linux kills it then, even if it is paused or in a call that cannot be interrupted.
Signals are the worker's to handle.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from xstilts.core.cpu import set_core_limit
from xstilts.core.device_errors import device_failure
from xstilts.core.errors import XstiltsError
from xstilts.core.notices import notices_to
from xstilts.core.process_rank import ContactLost, PartDone, ProcessRank
from xstilts.core.stage import Stage
from xstilts.core.stopping import Stopped
from xstilts.core.store import Store
from xstilts.core.store_layout import FEATURES
from xstilts.executors.parent_death import end_with_parent
from xstilts.executors.worker import detach_stdin, single_thread_env
from xstilts.stages import STAGE_KINDS
from xstilts.stages.base import StageContext

SIGNALS = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGUSR1)


def main(root: str, rank: int, size: int) -> None:
    """Take part in the trainings that arrive on standard input until it ends."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    messages = os.fdopen(os.dup(0), encoding="utf-8")
    detach_stdin()
    single_thread_env()
    stages = SimpleQueue[dict[str, Any]]()
    threading.Thread(target=_read, args=(messages, stages), daemon=True).start()
    store = Store(root)
    while True:
        message = stages.get()
        stage = Stage.from_json(message["stage"])
        shared = (message[name] for name in ("meeting", "secret", "timeout"))
        own = ProcessRank(rank, size, *shared)
        answer = take_part(store, stage, own)
        answers.write(json.dumps(answer) + "\n")


def _read(messages: TextIO, stages: SimpleQueue[dict[str, Any]]) -> None:
    """Read the worker's messages, and end the process when they end."""
    try:
        for line in messages:
            message = json.loads(line)
            if "cores" in message:
                set_core_limit(message["cores"])
            else:
                stages.put(message)
    finally:
        os._exit(0)


def take_part(store: Store, stage: Stage, own: ProcessRank) -> dict[str, Any]:
    """Run a stage as one of several processes; return the answer to the worker.

    The worker has verified the inputs. What the stage writes is removed.
    """
    inputs = {role: store.artifact(key) for role, key in stage.inputs.items()}
    with store.staging(stage.key) as folder:
        context = StageContext(
            stage,
            inputs,
            folder,
            store.checkpoint_path(stage.key),
            lambda _: None,
            features=store.root / FEATURES,
            enter_group=lambda: own,
        )
        try:
            with notices_to(lambda _: None):
                STAGE_KINDS.get(stage.kind).run(context)
        except (PartDone, Stopped):
            return {"done": True}
        except Exception as error:
            return _failure(error)
    return {"done": True}


def _failure(error: Exception) -> dict[str, Any]:
    """The answer about an exception."""
    problem = str(error) if isinstance(error, XstiltsError) else f"{type(error).__name__}: {error}"
    traceback.print_exception(error)  # to worker.log
    contact, device = isinstance(error, ContactLost), device_failure(error)
    return {"failed": problem, "contact": contact, "device": device}


if __name__ == "__main__":
    main(str(Path(sys.argv[1])), int(sys.argv[2]), int(sys.argv[3]))
