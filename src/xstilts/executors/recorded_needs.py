"""What the recorded experiments and studies of a store still need: their files are not dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.core.plan import Plan
from xstilts.core.record_files import read_record
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.planning.retention import droppable_stages
from xstilts.planning.study_stages import STAGES, STUDIES, listed_plan

EXPERIMENTS = "experiments"
DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True)
class _Record:
    """The stages of an experiment or a study.

    Args:
        kept: keys of stages whose files it keeps.
        readers: key → keys of the stages that read it.
    """

    kept: frozenset[str]
    readers: Mapping[str, set[str]]


class RecordedNeeds:
    """The needs of a store's experiments and studies, read again when a record changes."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._records: dict[tuple[Path, int, int], _Record | None] = {}

    def includes(self, key: str, blocked: Collection[str]) -> bool:
        """Whether one of them keeps a stage's files, or has a stage to do that reads them.

        A record that cannot be read has no needs: its stages are run again when they are needed.

        Args:
            blocked: keys of stages that will not run.
        """
        return any(self._needs(record, key, blocked) for record in self._read() if record)

    def _needs(self, record: _Record, key: str, blocked: Collection[str]) -> bool:
        return key in record.kept or self._is_read(record, key, blocked)

    def _is_read(self, record: _Record, key: str, blocked: Collection[str]) -> bool:
        """Whether a stage to do reads a stage's files, or one that it makes run again does."""
        for reader in record.readers.get(key, set()).difference(blocked):
            if self.store.has(reader):
                continue
            if self.store.get_dropped(reader) is None or self._is_read(record, reader, blocked):
                return True
        return False

    def _read(self) -> list[_Record | None]:
        known, self._records = self._records, {}
        for path in self._paths():
            try:
                status = path.stat()
            except OSError:
                continue
            state = path, status.st_mtime_ns, status.st_size
            self._records[state] = known[state] if state in known else _record(path)
        return list(self._records.values())

    def _paths(self) -> Iterator[Path]:
        for name in self.store.names(EXPERIMENTS):
            if name.endswith(".json"):
                yield self.store.root / EXPERIMENTS / name
        yield from sorted((self.store.root / STUDIES).glob(f"*/*/{STAGES}"))


def _record(path: Path) -> _Record | None:
    """The needs of an experiment or a study; None if damaged or of a newer version."""
    try:
        plan = listed_plan(path) if path.name == STAGES else _recorded_plan(path)
    except DAMAGE:
        return None
    readers: dict[str, set[str]] = {}
    for stage in plan.stages:
        for key in plan.droppable.intersection(stage.inputs.values()):
            readers.setdefault(key, set()).add(stage.key)
    return _Record(frozenset(plan.by_key) - plan.droppable, readers)


def _recorded_plan(path: Path) -> Plan:
    """The stages of an experiment's record, and which of them it does not keep."""
    record = read_record(path, _cell, Stage.from_json)
    plan, cells = Plan(tuple(record["stages"])), tuple(record["cells"])
    keep = record["experiment"].get("keep_weights", "all")
    return Plan(plan.stages, droppable=droppable_stages(CompiledPlan(plan, cells), keep))


def _cell(cell: Mapping[str, Any]) -> ResultCell:
    return ResultCell(**{**cell, "trained_by": tuple(cell["trained_by"])})
