"""Where a stage has failed: on one node, whose files or memory do not suffice, or everywhere.

A stage that reads files of the machine, needs more GPU memory than a node has, or gets an error of
its GPU, may succeed on another node: it fails for good when every node has refused it.

Processes that run one submission of a plan together record failures in a folder of the store, so
that a stage that fails everywhere is tried once in all, and that a node whose GPUs fail runs no
further stage. Each record is a file of its own: appending to one file from several machines loses
lines on network file systems.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.core.artifact import ABSENT
from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.device_errors import DEVICE_FAILED
from xstilts.core.stage import Stage

MAX_DEVICE_FAILURES = 2
"""How many stages may fail by an error of a node's GPUs: then these are the likely cause."""
LEFT_NODE = "the GPUs of {node} fail"
"""Why a process runs no further stage on a node."""


def reads_machine(stage: Stage) -> bool:
    """Whether a stage reads a folder of the machine that runs it, outside the store."""
    return "folder" in stage.context


@dataclass
class HostFailures:
    """Key → host → problem of stages that one host could not run."""

    problems: dict[str, dict[str, str]] = field(default_factory=dict)

    def add(self, key: str, host: str, problem: str) -> None:
        """Record that a host cannot run a stage."""
        self.problems.setdefault(key, {})[host] = problem

    def can_run(self, key: str, host: str) -> bool:
        """Whether a host has not refused a stage so far."""
        return host not in self.problems.get(key, {})

    def refused_by(self, hosts: Collection[str]) -> list[str]:
        """Keys of stages that each of some hosts has refused."""
        return [key for key, refused in self.problems.items() if refused.keys() >= set(hosts)]

    def take(self, key: str) -> str:
        """Forget a stage; what its hosts reported."""
        return "\n".join(f"{host}: {text}" for host, text in self.problems.pop(key).items())


@dataclass(frozen=True)
class SubmissionFailures:
    """Failures that all processes of one submission share.

    Args:
        folder: of the records; it must exist.
        host: name of this machine.
    """

    folder: Path
    host: str

    def failure(self, key: str) -> dict[str, Any] | None:
        """The failure of a stage everywhere or on this host: `problem`, `exit_code`, `device`.

        A record that cannot be read counts for nothing: the stage is tried again.
        """
        for path in (self._path(key, "failed"), self._path(key, f"failed.{self.host}")):
            if record := _read_failure(path):
                return record
        return None

    def problems(self) -> dict[str, str]:
        """Key → problem of each stage that has failed, everywhere or on some hosts."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.glob("*.failed*")):
            if record := _read_failure(path):
                found.setdefault(path.name.partition(".")[0], []).append(record["problem"])
        return {key: "\n".join(texts) for key, texts in found.items()}

    def record(self, key: str, message: Mapping[str, Any], *, only_here: bool) -> None:
        """Record a failure, of this host alone or of all."""
        name = f"failed.{self.host}" if only_here else "failed"
        facts = {"problem": message["problem"], "exit_code": message.get("exit_code", 3)}
        facts |= {"device": message.get("device", "")}
        write_json(self._path(key, name), facts | {"host": self.host})

    def broken_nodes(self) -> set[str]:
        """The nodes on which GPUs have failed in `MAX_DEVICE_FAILURES` stages."""
        counts: Counter[str] = Counter()
        for path in self.folder.glob("*.failed.*"):
            record = _read_failure(path)
            if record and record["device"] == DEVICE_FAILED:
                counts[path.name.split(".", 2)[2]] += 1
        return {node for node, count in counts.items() if count >= MAX_DEVICE_FAILURES}

    def count(self, key: str, what: str) -> Path:
        """Record that something happened to a stage; the record, whose suffix is its number."""
        number = 1
        while True:
            path = self._path(key, f"{what}.{number}")
            try:
                path.open("x").close()
            except FileExistsError:
                number += 1
            else:
                return path

    def has_counted(self, key: str, what: str, times: int) -> bool:
        """Whether something has happened to a stage so many times."""
        return all(self._path(key, f"{what}.{n + 1}").exists() for n in range(times))

    def _path(self, key: str, name: str) -> Path:
        return self.folder / f"{key}.{name}"


def _read_failure(path: Path) -> dict[str, Any] | None:
    """What `record` wrote to a file; None without one, or if it cannot be read."""
    try:
        record = read_json(path)
    except (*ABSENT, ValueError):
        return None
    match record:
        case {"problem": str(problem), "exit_code": int(exit_code)}:
            device = str(record.get("device", ""))
            return {"problem": problem, "exit_code": exit_code, "device": device}
    return None
