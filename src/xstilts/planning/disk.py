"""Expected disk of a plan at its peak, before it runs.

Per stage its artifact (`Cost.bytes`: weights from the encoder's shape, rows of predictions) and a
manifest. A training that takes longer than `checkpoint_minutes` has resume checkpoints until it is
published: its weights, the best ones, and AdamW's two moments; two are kept, and a third exists
while it is written. Stages are taken in the order of the plan, as executors start them; files that
the plan drops (`Plan.droppable`) go once every stage that reads them is done.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage

MANIFEST_BYTES = 12_000
"""Of a stage's manifest and folder, in blocks of the disk."""
STATES = 4
"""States of the size of the trained weights in a checkpoint."""
MOST_CHECKPOINTS = 3
"""Two that are kept, and one while it is written."""
CHECKPOINT_MINUTES = "checkpoint_minutes"
DEFAULT_MINUTES = 10.0
CHECKPOINTS, MANIFESTS, FEATURES = "checkpoints", "manifests", "tokenized rows"
TOKENIZED = 2
"""Bytes of tokenized rows per byte of text."""


@dataclass(frozen=True)
class DiskUse:
    """Expected growth of a store.

    Args:
        peak: bytes at the moment with the most.
        final: bytes in the end.
        by_kind: stage kind, checkpoints, … → bytes at the peak.
    """

    peak: int = 0
    final: int = 0
    by_kind: Mapping[str, int] = field(default_factory=dict)


def disk_use(
    plan: Plan, todo: Iterable[Stage], workers: int, seconds: Mapping[str, float]
) -> DiskUse:
    """The expected disk of what is to do.

    Args:
        plan: in whose order the stages run.
        todo: stages to do, in plan order.
        workers: how many stages run at the same time.
        seconds: key → expected duration.
    """
    todo = tuple(todo)
    open_readers = _open_readers(plan, todo)
    working = _working(todo, workers, seconds)
    held, peak, at_peak = Counter[str](), 0, Counter[str]()
    total = 0
    pending: deque[Stage] = deque()
    for stage in todo:
        for kind, size in _parts(stage).items():
            held[kind] += size
            total += size
        if total + working > peak:
            peak, at_peak = total + working, held.copy()
        for dropped in _unread(stage, open_readers):
            pending.append(dropped)
        while len(pending) >= workers:  # other workers are as far behind
            first = pending.popleft()
            held[first.kind] -= first.cost.bytes
            total -= first.cost.bytes
    final = total - sum(stage.cost.bytes for stage in pending)
    by_kind = {**at_peak, CHECKPOINTS: working}
    return DiskUse(peak, final, {kind: size for kind, size in by_kind.items() if size > 0})


def stage_disk(stage: Stage, seconds: float | None = None) -> int:
    """Bytes that a stage may need at its peak: its checkpoints, then its artifact.

    Args:
        seconds: expected duration; by default the one on one core of a CPU.
    """
    return stage.cost.bytes + checkpoint_bytes(stage, seconds)


def checkpoint_bytes(stage: Stage, seconds: float | None = None) -> int:
    """Bytes of a stage's checkpoints at their peak; 0 for a stage that is too short for one."""
    if "recipe" not in stage.params:
        return 0
    minutes = float(stage.context.get(CHECKPOINT_MINUTES) or DEFAULT_MINUTES)
    expected = stage.cost.seconds if seconds is None else seconds
    number = min(MOST_CHECKPOINTS, int(expected / (60 * minutes)))
    return number * STATES * stage.cost.bytes


def _parts(stage: Stage) -> dict[str, int]:
    """What a stage adds to the store, by kind."""
    parts = {stage.kind: stage.cost.bytes, MANIFESTS: MANIFEST_BYTES}
    if stage.kind == "prepare":
        parts[FEATURES] = TOKENIZED * stage.cost.bytes
    return parts


def _working(todo: Sequence[Stage], workers: int, seconds: Mapping[str, float]) -> int:
    """Bytes of checkpoints when the largest trainings run at the same time."""
    sizes = sorted((checkpoint_bytes(one, seconds.get(one.key)) for one in todo), reverse=True)
    return sum(sizes[:workers])


def _open_readers(plan: Plan, todo: Sequence[Stage]) -> dict[str, tuple[Stage, set[str]]]:
    """Key of a stage to do whose files go → the stage, and the keys of its readers to do."""
    dropped = {stage.key: stage for stage in todo if stage.key in plan.droppable}
    readers: dict[str, tuple[Stage, set[str]]] = {key: (one, set()) for key, one in dropped.items()}
    for stage in todo:
        for key in dropped.keys() & set(stage.inputs.values()):
            readers[key][1].add(stage.key)
    return readers


def _unread(stage: Stage, open_readers: Mapping[str, tuple[Stage, set[str]]]) -> list[Stage]:
    """The stages whose last reader this one is."""
    unread = []
    for key in dict.fromkeys(stage.inputs.values()):
        if key in open_readers:
            read, readers = open_readers[key]
            readers.discard(stage.key)
            if not readers:
                unread.append(read)
    return unread
