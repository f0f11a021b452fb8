"""Memory of the machine and its GPUs, from the files and programs that report it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts.core import machine_memory
from xstilts.core.machine_memory import gpu_memory, oom_kills, total_memory

LISTED = """\
0, GPU-aa1, 81920, [N/A]
1, GPU-bb1, 24576, [N/A]
2, GPU-bb2, [N/A], [N/A]
3, GPU-cc1, 81920, Enabled
"""
EQUAL = "0, GPU-aa1, 81920, [N/A]\n1, GPU-bb1, 81920, Disabled\n"


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine_memory, "CGROUP_LIMIT", limit)
    whole = total_memory()
    assert whole is not None
    limit.write_text("max\n")
    assert total_memory() == whole
    limit.write_text("1000000\n")
    assert total_memory() == 1_000_000


@pytest.fixture
def list_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets nvidia-smi print a text; CUDA has its default order."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.delenv(machine_memory.ORDER, raising=False)

    def write(text: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{text}END\n")
        program.chmod(0o755)

    return write


@pytest.mark.parametrize(
    ("gpu", "size"),
    [
        ("1", 24 << 30),
        ("GPU-aa1", 80 << 30),
        ("GPU-a", 80 << 30),
        ("GPU-b", None),  # two have this start
        ("2", None),
        ("3", None),  # CUDA shows its first MIG device
        ("GPU-cc1", None),
        ("MIG-11", None),
        ("9", None),
    ],
)
def test_the_memory_of_a_gpu_by_index_or_uuid(
    list_gpus: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    gpu: str,
    size: int | None,
) -> None:
    list_gpus(LISTED)
    monkeypatch.setenv(machine_memory.ORDER, machine_memory.BY_BUS)
    assert gpu_memory(gpu) == size


@pytest.mark.parametrize(
    ("listed", "order", "size"),
    [
        (EQUAL, None, 80 << 30),
        (LISTED, None, None),
        (LISTED, "FASTEST_FIRST", None),
        (LISTED, "PCI_BUS_ID", 24 << 30),
    ],
)
def test_an_index_among_unlike_gpus_is_that_of_nvidia_smi_in_the_order_of_the_bus_only(
    list_gpus: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    listed: str,
    order: str | None,
    size: int | None,
) -> None:
    list_gpus(listed)
    if order:
        monkeypatch.setenv(machine_memory.ORDER, order)
    assert gpu_memory("1") == size


def test_the_memory_of_an_amd_gpu_is_not_that_of_an_nvidia_gpu(
    list_gpus: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    list_gpus(EQUAL)
    monkeypatch.setattr(machine_memory, "torch_uses_rocm", lambda: True)
    assert gpu_memory("0") is None


def test_without_nvidia_smi_the_memory_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_memory("0") is None


@pytest.mark.parametrize(("text", "count"), [("pgfault 7\noom_kill 3\n", 3), ("pgfault 7\n", None)])
def test_kills_for_lack_of_memory_are_counted_by_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, count: int | None
) -> None:
    monkeypatch.setattr(machine_memory, "OWN_CGROUP", tmp_path / "absent")
    (tmp_path / "vmstat").write_text(text)
    monkeypatch.setattr(machine_memory, "VMSTAT", tmp_path / "vmstat")
    assert oom_kills() == count
    monkeypatch.setattr(machine_memory, "VMSTAT", tmp_path / "absent")
    assert oom_kills() is None


def test_kills_are_counted_in_the_own_cgroup_if_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "vmstat").write_text("oom_kill 9\n")
    (tmp_path / "cgroup").write_text("4:memory:/other\n0::/jobs/one\n")
    for name, file in (("VMSTAT", "vmstat"), ("OWN_CGROUP", "cgroup"), ("CGROUPS", "")):
        monkeypatch.setattr(machine_memory, name, tmp_path / file)
    assert oom_kills() == 9
    (tmp_path / "jobs" / "one").mkdir(parents=True)
    (tmp_path / "jobs" / "one" / "memory.events").write_text("max 5\noom 2\noom_kill 1\n")
    assert oom_kills() == 1
