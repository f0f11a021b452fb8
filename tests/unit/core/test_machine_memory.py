"""Memory of the machine and its GPUs, from the files and programs that report it."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.core import machine_memory
from xstilts.core.machine_memory import gpu_memory, oom_kills, total_memory

LISTED = "0, GPU-aa, 81920\n1, GPU-bb, 24576\n2, GPU-cc, [N/A]\n"


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(machine_memory, "CGROUP_LIMIT", limit)
    whole = total_memory()
    assert whole is not None
    limit.write_text("max\n")
    assert total_memory() == whole
    limit.write_text("1000000\n")
    assert total_memory() == 1_000_000


@pytest.mark.parametrize(
    ("gpu", "size"), [("1", 24 << 30), ("GPU-aa", 80 << 30), ("2", None), ("9", None)]
)
def test_the_memory_of_a_gpu_by_index_or_uuid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gpu: str, size: int | None
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{LISTED}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert gpu_memory(gpu) == size


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
