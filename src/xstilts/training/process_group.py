"""The processes that divide a training, and what they exchange.

torch.distributed is used directly: gloo between processes on a CPU, NCCL or RCCL between GPUs. All
processes run on one machine and exchange data over its loopback interface only.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from xstilts.core.device_errors import device_failure
from xstilts.core.process_rank import TIMEOUT, ContactLost, ProcessRank
from xstilts.models.device import compute_device

LOOPBACK = "lo" if sys.platform == "linux" else "lo0"
SIGNATURE = "sha256"
TIMED_OUT = re.compile("time(d )?out", re.IGNORECASE)
INTERFACES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


class ProcessGroup(Protocol):
    """The processes of a training; all of them must make the same calls in the same order."""

    @property
    def rank(self) -> int:
        """Number of this process, from 0."""

    @property
    def size(self) -> int:
        """Number of processes."""

    def add(self, values: Tensor) -> None:
        """Replace values, in place, by their sums over all processes, with the same bits in each.

        Raises:
            ContactLost: a process has ended.
        """

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes, by rank.

        Raises:
            ContactLost: a process has ended.
        """


@dataclass(frozen=True)
class SingleProcess:
    """The group of a training that is not divided."""

    rank: int = 0
    size: int = 1

    def add(self, values: Tensor) -> None:
        """Nothing."""

    def gather(self, value: Any) -> list[Any]:
        """The value alone."""
        return [value]


SINGLE = SingleProcess()


@dataclass(frozen=True)
class TorchGroup:
    """The default group of torch.distributed.

    Args:
        device: that messages must lie on.
        secret: see `ProcessRank`.
    """

    rank: int
    size: int
    device: torch.device
    secret: str = field(default="", repr=False)

    def add(self, values: Tensor) -> None:
        """Sum values over all processes, in place."""
        moved = values.to(self.device)
        with _contact():
            dist.all_reduce(moved)
        if moved is not values:
            values.copy_(moved)

    def gather(self, value: Any) -> list[Any]:
        """The values of all processes; pickled, as all of them run the same code, and signed."""
        data = torch.frombuffer(bytearray(signed(value, self.secret)), dtype=torch.uint8)
        sizes = torch.zeros(self.size, dtype=torch.int64)
        sizes[self.rank] = len(data)
        self.add(sizes)
        own = torch.zeros(int(sizes.max()), dtype=torch.uint8, device=self.device)
        own[: len(data)] = data
        gathered = [torch.empty_like(own) for _ in range(self.size)]
        with _contact():
            dist.all_gather(gathered, own)
        return [
            opened(part[:size].cpu().numpy().tobytes(), self.secret)
            for part, size in zip(gathered, sizes.tolist(), strict=True)
        ]


def signed(value: Any, secret: str) -> bytes:
    """A value as bytes that `opened` accepts with the same secret."""
    data = pickle.dumps(value)
    return hmac.digest(secret.encode(), data, SIGNATURE) + data


def opened(message: bytes, secret: str) -> Any:
    """The value of a message.

    Another program of this machine could connect to a process's port; nothing that it sends is
    unpickled.

    Raises:
        ContactLost: the message was not signed with the secret.
    """
    size = hashlib.new(SIGNATURE).digest_size
    signature, data = message[:size], message[size:]
    if not hmac.compare_digest(signature, hmac.digest(secret.encode(), data, SIGNATURE)):
        raise ContactLost("a message to this training is not from one of its processes")
    return pickle.loads(data)


@contextmanager
def joined(own: ProcessRank) -> Iterator[ProcessGroup]:
    """Within the block, the group of the processes that meet at `own.meeting`.

    Raises:
        ContactLost: a process has ended.
    """
    if own.size == 1:
        yield SINGLE
        return
    device = compute_device()
    for name in INTERFACES:
        os.environ.setdefault(name, LOOPBACK)
    with _contact():
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            init_method=f"file://{own.meeting}",
            rank=own.rank,
            world_size=own.size,
            timeout=timedelta(seconds=own.timeout),
        )
    try:
        yield TorchGroup(own.rank, own.size, device, own.secret)
    except BaseException:
        if own.rank == 0:  # the worker ends the others, which may never leave a group by themselves
            _abort(device)
        raise
    dist.destroy_process_group()


def _abort(device: torch.device) -> None:
    """Leave a group whose processes may be in the middle of an exchange."""
    if device.type == "cuda":
        dist.distributed_c10d._abort_process_group()
    else:
        dist.destroy_process_group()


@contextmanager
def _contact() -> Iterator[None]:
    """Within the block, errors of torch.distributed are those of contact, unless a GPU's."""
    try:
        yield
    except RuntimeError as error:
        if device_failure(error):
            raise
        text = str(error).partition("\n")[0]
        limit = f" ({TIMEOUT} sets the limit)" if TIMED_OUT.search(text) else ""
        raise ContactLost(
            f"the processes of a training have lost contact: {text}{limit}"
        ) from error


def sum_of(group: ProcessGroup, value: int) -> int:
    """The sum of a number over all processes."""
    if group.size == 1:
        return value
    values = torch.tensor([value])
    group.add(values)
    return int(values)


def of_first(group: ProcessGroup, value: int) -> int:
    """The number that process 0 has."""
    return sum_of(group, value if group.rank == 0 else 0)
