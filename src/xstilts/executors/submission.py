"""What a driver and the jobs that it has submitted know of each other, in a folder of the store.

The driver writes a random name, versions and options; each job reports its node, how often it was
restarted, and what keeps it from running stages. A job that does not find the folder runs on a node
that does not see the store; so does one that has ended and whose report is missing here.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import ConfigError, StoreError
from xstilts.executors.base import ExecutorOptions
from xstilts.executors.failures import SubmissionFailures
from xstilts.executors.node_checks import check_versions
from xstilts.executors.versions import versions

NO_STORE = 76
"""Exit code of a job on a node that does not see the store: EX_PROTOCOL."""
FACTS = "submission.json"
REPORT = "task-"
OPTION = "--executor slurm"


@dataclass(frozen=True)
class Submission:
    """A submission of a plan, in the folder STORE/slurm/NAME.

    Args:
        name: random.
    """

    root: Path
    name: str

    @classmethod
    def create(cls, root: Path, options: ExecutorOptions, keys: Iterable[str]) -> Submission:
        """Write the folder of a new submission.

        Args:
            keys: of the stages whose memory the jobs have to know.
        """
        submission = cls(root, uuid.uuid4().hex[:12])
        keys = list(keys)
        memory = {key: options.memory[key] for key in keys if key in options.memory}
        least = {
            key: options.least_gpu_memory[key] for key in keys if key in options.least_gpu_memory
        }
        facts: dict[str, Any] = {
            "name": submission.name,
            "versions": versions(),
            "host": socket.gethostname(),
        }
        facts |= {"memory": memory, "least_gpu_memory": least}
        facts |= {"devices_per_stage": options.devices_per_stage, "check_disk": options.check_disk}
        write_json(submission.folder / FACTS, facts)
        return submission

    @property
    def folder(self) -> Path:
        """Its folder in the store."""
        return self.root / "slurm" / self.name

    def job_options(self) -> ExecutorOptions:
        """The options of a job, after its node was checked.

        Raises:
            StoreError: this node sees another folder than the driver.
            ConfigError: this node has other versions than the driver.
        """
        host = socket.gethostname()
        try:
            facts = read_json(self.folder / FACTS)
        except (OSError, ValueError) as error:
            raise StoreError(
                f"the node {host} does not see the store {self.root} of the driver",
                todo="give a folder that all nodes share, under one path, with --store",
            ) from error
        try:
            check_versions(facts["host"], facts["versions"], OPTION)
        except ConfigError as error:
            problem = f"this node is {host}: {error.what}"
            raise ConfigError(problem, where=error.where, todo=error.todo) from error
        return ExecutorOptions(
            memory=facts["memory"],
            least_gpu_memory=facts["least_gpu_memory"],
            devices_per_stage=facts["devices_per_stage"],
            check_disk=facts["check_disk"],
        )

    def failures(self) -> SubmissionFailures:
        """The failures that its jobs share."""
        return SubmissionFailures(self.folder, _node())

    def report(self, problem: str = "") -> None:
        """Report from a job, by the task's number in its array."""
        task = os.environ.get("SLURM_ARRAY_TASK_ID", "0")
        restarts = int(os.environ.get("SLURM_RESTART_COUNT", "0"))
        facts = {"node": _node(), "restarts": restarts, "problem": problem, "versions": versions()}
        write_json(self.folder / f"{REPORT}{task}.json", facts)

    def reports(self) -> dict[str, dict[str, Any]]:
        """Number of a task → its last report; what is no report counts for nothing."""
        reports = dict[str, dict[str, Any]]()
        for path in sorted(self.folder.glob(f"{REPORT}*.json")):
            with suppress(OSError, ValueError):
                match report := read_json(path):
                    case {"node": str(), "restarts": int(), "problem": str()}:
                        reports[path.stem.removeprefix(REPORT)] = report
        return reports


def _node() -> str:
    """The name of this node, as Slurm tells nodes apart: several may have one host name."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()
