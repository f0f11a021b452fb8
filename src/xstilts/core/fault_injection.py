"""Named points at which a test can make the process fail; a no-op otherwise.

`XSTILTS_FAULT="store.before_rename:kill"` kills the process the first time that it passes
the point; `:term` sends it SIGTERM and `:pause` SIGSTOP; `:full`, `:io` and `:denied` raise "no
space left", an input/output error and "permission denied", `:oom` out of memory, `:gpu` an error of
a GPU; `:kill@3` acts on the third pass. `train.loss:nan@5` makes the fifth loss NaN, `:inf@5`
infinite.
"""

from __future__ import annotations

import errno
import os
import signal
from collections import Counter

POINTS = (
    "store.before_files_synced",
    "store.before_manifest",
    "store.before_rename",
    "store.after_rename",
    "checkpoint.before_files_synced",
    "checkpoint.before_rename",
    "checkpoint.after_rename",
    "train.step",
    "train.forward",
    "evaluate.batch",
)
DROP_POINTS = ("drop.before_marker", "drop.after_marker", "drop.after_file")
"""Points of a run that drops files; see `core.dropped`."""
GC_POINTS = ("gc.before_removal", "gc.after_rename", "gc.after_removal")
EXPORT_POINTS = ("export.after_artifact", "export.before_rename")

ERRORS = {"full": errno.ENOSPC, "io": errno.EIO, "denied": errno.EACCES}
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM, "pause": signal.SIGSTOP}
VALUES = {"nan": float("nan"), "inf": float("inf")}

_passes: Counter[str] = Counter()


def fault(point: str) -> None:
    """Fail here if $XSTILTS_FAULT asks for it (tests only)."""
    action = _action(point)
    if action is None:
        return
    if action in SIGNALS:
        os.kill(os.getpid(), SIGNALS[action])
    elif action in ERRORS:
        raise OSError(ERRORS[action], os.strerror(ERRORS[action]))
    elif action == "oom":
        raise MemoryError("out of memory")
    elif action == "gpu":
        raise RuntimeError("CUDA error: unspecified launch failure")
    else:
        raise ValueError(f"unknown fault action {action!r}")


def or_fault(point: str, value: float) -> float:
    """Return the value, or another one if $XSTILTS_FAULT asks for it (tests only)."""
    return VALUES.get(_action(point) or "", value)


def _action(point: str) -> str | None:
    """The action to take at this pass of a point."""
    wanted = os.environ.get("XSTILTS_FAULT", "")
    if not wanted.startswith(point + ":"):
        return None
    action, _, count = wanted.removeprefix(point + ":").partition("@")
    _passes[point] += 1
    return action if _passes[point] == int(count or 1) else None
