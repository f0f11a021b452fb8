"""A worker process: reads stages as JSON lines, runs them, writes events as JSON lines.

Started as `python -m xstilts.executors.worker STORE [DEVICES_PER_STAGE]`. A line {"cores": n} sets
how many cores the process may use from then on; {"stop": seconds} asks the running stage to stop,
{"checkpoint": true} to save a checkpoint. Only events go to standard output; what libraries print
goes to standard error.

SIGTERM and SIGUSR1 stop it as the message does: a batch system sends them to every process. The
process ends at once when its standard input does, as then its executor has ended; Linux kills it
then, even if it is paused.
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
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from xstilts.core.artifact import Artifact, DamagedArtifact
from xstilts.core.cpu import set_core_limit
from xstilts.core.device_errors import device_failure
from xstilts.core.dropped import DROPPED, is_dropped
from xstilts.core.errors import DiskFullError, XstiltsError
from xstilts.core.leases import HeldElsewhere, Lease, LeaseLost
from xstilts.core.notices import notices_to
from xstilts.core.out_of_memory import OutOfMemory, is_out_of_memory
from xstilts.core.process_rank import ContactLost, ProcessRank
from xstilts.core.stage import Stage
from xstilts.core.stopping import (
    GRACE,
    STOPPED,
    Stopped,
    request_checkpoint,
    request_stop,
    stop_requested,
    stops_between_steps,
)
from xstilts.core.store import Store, is_full, to_store_error
from xstilts.core.store_layout import FEATURES
from xstilts.executors.events import LOST
from xstilts.executors.parent_death import end_with_parent
from xstilts.executors.rank_pool import RankPool
from xstilts.executors.used_gpu import used_gpu
from xstilts.executors.versions import versions
from xstilts.planning.disk import stage_disk
from xstilts.stages import STAGE_KINDS
from xstilts.stages.base import FEATURE_PROBLEMS, StageContext

QUIET_LIBRARIES = {
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
}
Progress = Callable[[dict[str, Any]], None]
Send = Callable[[dict[str, Any]], object]
"""Takes a message about a stage: {"event": ..., "key": ..., ...}."""
REPORT_EVERY = 0.25
"""Seconds between two progress events of a stage."""

_verified_keys: set[str] = set()


def main(root: str, devices_per_stage: int = 1) -> None:
    """Run the stages that arrive on standard input until it ends.

    Args:
        devices_per_stage: number of processes, with this one, among which a training is divided.
    """
    events = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    messages = os.fdopen(os.dup(0), encoding="utf-8")
    detach_stdin()
    single_thread_env()
    _handle_signals()
    store, stages, sending = Store(root), SimpleQueue[Stage](), threading.Lock()

    def send(message: dict[str, Any]) -> None:
        with sending:
            events.write(json.dumps(message) + "\n")

    def end_with_loss(stage: Stage, problem: str, device: str) -> None:
        send({"event": LOST, "key": stage.key, "problem": problem, "device": device})
        os._exit(1)

    ranks = (
        RankPool(store.root, devices_per_stage, end_with_loss) if devices_per_stage > 1 else None
    )
    threading.Thread(target=_end_with_messages, args=(messages, stages, ranks), daemon=True).start()
    while not stop_requested():
        run_stage(store, stages.get(), send, partial(stop, 0), ranks)


def detach_stdin() -> None:
    """Give libraries an empty standard input: the executor's messages must not answer a prompt."""
    with open(os.devnull, "rb") as empty:
        os.dup2(empty.fileno(), 0)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - until the process ends


def read_messages(
    messages: TextIO, stages: SimpleQueue[Stage], ranks: RankPool | None = None
) -> None:
    """Read the executor's messages, also while a stage runs."""
    for line in messages:
        message = json.loads(line)
        if "cores" in message:
            cores = message["cores"]
            set_core_limit(ranks.set_cores(cores) if ranks else cores)
        elif "stop" in message:
            stop(message["stop"])
        elif "checkpoint" in message:
            request_checkpoint()
        else:
            stages.put(Stage.from_json(message))


def _end_with_messages(
    messages: TextIO, stages: SimpleQueue[Stage], ranks: RankPool | None
) -> None:
    """Read the executor's messages, and end the process when they end.

    What the running stage has not published is then lost, up to its last checkpoint.
    """
    try:
        read_messages(messages, stages, ranks)
    finally:
        os._exit(0)


def stop(grace: float = GRACE) -> None:
    """Request that the process stops; end it at once if its stage could not save anything."""
    request_stop(grace)
    if not stops_between_steps():
        os._exit(STOPPED)


def single_thread_env() -> None:
    """Let each library call use one thread, so that equal stages give equal bytes.

    Several cores are used through `core.cpu`. Arrow's own memory pool would keep memory that it no
    longer uses.
    """
    os.environ.update(QUIET_LIBRARIES)
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = "1"


def _handle_signals() -> None:
    """Leave Ctrl-C and a lost terminal to the executor; stop at what batch systems send."""
    for ignored in (signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    for stopping in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(stopping, lambda *_: stop())


def run_stage(
    store: Store,
    stage: Stage,
    send: Send,
    on_loss: Callable[[], None] | None = None,
    ranks: RankPool | None = None,
) -> None:
    """Run one stage under its lease and send its events, as `Scheduler.receive` takes them.

    Args:
        on_loss: called from another thread if another process takes the stage over.
        ranks: processes that divide the stage's training with this one.

    Raises:
        Exception: what `send` raises; any exception of the stage is a message.
    """

    undelivered: list[Exception] = []

    def report(event: str, **facts: Any) -> None:
        try:
            send({"event": event, "key": stage.key, **facts})
        except Exception as error:
            undelivered.append(error)
            raise

    try:
        with store.leases.hold(stage.key, on_loss) as lease:
            if isinstance(lease, HeldElsewhere):
                report("busy", holder=lease.text)
                return
            store.look_again()
            if store.has(stage.key):
                report("done", facts=store.artifact(stage.key).facts, seconds=0.0)
                return
            report("started")
            started = time.monotonic()
            try:
                artifact = execute_stage(
                    store, stage, lambda facts: report("progress", facts=facts), lease, ranks
                )
            except Exception as error:
                if undelivered or lease.is_held:
                    raise
                raise LeaseLost from error  # the new holder has removed what this one had written
            report("done", facts=artifact.facts, seconds=time.monotonic() - started)
    except Stopped:
        if ranks:
            ranks.close()
        report("stopped")
    except LeaseLost:
        if ranks:
            ranks.close()
        report("busy", holder="another process, which has taken over while this one was paused")
    except Exception as error:
        if undelivered:  # it is the receiver's own
            raise
        if ranks:
            ranks.abandon(error)
        cause = _cause(store, stage, error)
        report(**_failure(to_store_error(cause, store.root) if is_full(cause) else cause, stage))


def _cause(store: Store, stage: Stage, error: Exception) -> Exception:
    """An input that was dropped or damaged since it was verified; else the error itself."""
    if isinstance(error, DamagedArtifact):
        return error
    checks_all = not isinstance(error, XstiltsError) and not is_out_of_memory(error)
    for key in stage.inputs.values():
        if checks_all:
            _verified_keys.discard(key)
        try:
            if checks_all or is_dropped(store.artifact(key)):
                _verified(store.artifact(key))
        except XstiltsError as damage:
            return damage
    return error


def _failure(error: Exception, stage: Stage) -> dict[str, Any]:
    """The message about an exception of a stage."""
    if isinstance(error, DamagedArtifact):
        return {"event": "damaged", "damaged": error.key, "problem": str(error)}
    if isinstance(error, ContactLost):
        return {"event": LOST, "problem": str(error)}
    if isinstance(error, DiskFullError):
        error = _with_size(error, stage)
    if is_out_of_memory(error):
        error = OutOfMemory(f"out of memory: {error}")
    failure: dict[str, Any] = {"event": "failed"}
    if device := device_failure(error):
        failure["device"] = device
    if isinstance(error, XstiltsError):
        return failure | {"problem": str(error), "exit_code": error.exit_code}
    problem = f"{type(error).__name__}: {error}"
    trace = "".join(traceback.format_exception(error))
    return failure | {"problem": problem, "traceback": trace, "exit_code": 3}


def _with_size(error: DiskFullError, stage: Stage) -> DiskFullError:
    """The error, with what the stage needs in all."""
    needed = f"{stage.label or stage.kind} needs about {stage_disk(stage) / 1e6:.1f} MB"
    return DiskFullError(f"{error.what}; {needed}", where=error.where, todo=error.todo)


def execute_stage(
    store: Store,
    stage: Stage,
    report_progress: Progress,
    lease: Lease | None = None,
    ranks: RankPool | None = None,
) -> Artifact:
    """Run a stage and publish its artifact.

    Args:
        ranks: processes that divide the stage's training with this one.

    Raises:
        DamagedArtifact: an input is not what was published.
        LeaseLost: another process has taken over the stage.
        XstiltsError: the stage cannot be done.
    """
    inputs = {role: _verified(store.artifact(key)) for role, key in stage.inputs.items()}
    started, processor = time.monotonic(), time.process_time()
    with store.staging(stage.key) as folder:
        checkpoints = store.checkpoint_path(stage.key)
        features = store.root / FEATURES
        throttled = _throttled(report_progress)
        context = StageContext(stage, inputs, folder, checkpoints, throttled, features=features)
        devices: dict[str, int] = {}

        def enter_group() -> ProcessRank:
            assert ranks
            devices["devices"] = ranks.size
            return ranks.enter(stage)

        if ranks:
            context.enter_group = enter_group

        def report_notice(text: str) -> None:
            context.notes.append(text)
            report_progress({"notice": text})

        with notices_to(report_notice):
            facts = STAGE_KINDS.get(stage.kind).run(context)
        if ranks:
            ranks.leave()
        if context.feature_problems:
            facts[FEATURE_PROBLEMS] = dict(sorted(context.feature_problems.items()))
        provenance = {
            "seconds": round(time.monotonic() - started, 3),
            "processor_seconds": round(time.process_time() - processor, 3),
            "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "versions": versions(),
            "machine": f"{platform.system()} {platform.machine()}",
            "gpu": used_gpu(),
            "notes": context.notes,
            **devices,
        }
        with notices_to(report_notice):  # into `context.notes`
            return store.publish(stage, folder, facts, provenance, lease)


def _verified(artifact: Artifact) -> Artifact:
    """The artifact, after its digests were checked once in this process, and its sizes now."""
    if is_dropped(artifact):
        raise DamagedArtifact(artifact.key, DROPPED, "is there: its files were dropped")
    if artifact.key in _verified_keys:
        artifact.check_sizes()
    else:
        artifact.check_digests()
        _verified_keys.add(artifact.key)
    return artifact


def _throttled(report: Progress) -> Progress:
    """Drop progress events that follow too soon, but none with dev scores and not the last."""
    last = 0.0

    def throttled(facts: dict[str, Any]) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY or "dev" in facts or facts.get("step") == facts.get("steps"):
            last = now
            report(facts)

    return throttled


if __name__ == "__main__":
    end_with_parent()
    main(str(Path(sys.argv[1])), *map(int, sys.argv[2:]))
