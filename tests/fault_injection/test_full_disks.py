"""R5: on a disk of any size a run ends in words, and goes on when the disk has grown."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.errors import StoreError
from xstilts.core.store import Store
from xstilts.executors.base import RunResult
from xstilts.testing.equal_artifacts import check_equal_artifacts

Run = Callable[..., RunResult]
LEVELS = 24
QUICK = 14


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk in memory; `resize` changes its size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"cannot mount: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def try_run(run: Run, loaded: LoadedExperiment, store: Path) -> tuple[int, str]:
    """Exit code and problems of a run."""
    try:
        result = run(loaded, store)
    except StoreError as error:
        return error.exit_code, str(error)
    return result.exit_code, "\n".join(result.failed.values())


def disk_size(store: Store) -> int:
    """Bytes of the files of a store, in blocks of a disk."""
    sizes = (path.stat().st_size for path in store.root.rglob("*") if path.is_file())
    return sum(-(-size // 4096) * 4096 for size in sizes)


def check_level(
    disk: Path, level: int, loaded: LoadedExperiment, unbroken: Store, run: Run
) -> bool:
    """Run on a disk of a part of the needed size, then on a large one; whether the first failed."""
    size = max(4096, disk_size(unbroken) * level // LEVELS)
    resize(disk, size)
    store = Store(disk / f"store {level}")
    code, problem = try_run(run, loaded, store.root)
    for key in store.names("artifacts"):
        store.artifact(key).check_digests()
    if code:
        assert code == 4, problem
        assert "full" in problem or "No space left" in problem
        assert re.search(r"→ (free|give|fix)", problem)
        if store.names("artifacts"):
            assert re.search(r"needs about [\d.]+ MB", problem)
    resize(disk, 1 << 26)
    assert try_run(run, loaded, store.root) == (0, "")
    check_equal_artifacts(store, unbroken)
    subprocess.run(["rm", "-rf", str(store.root)], check=True)
    return code != 0


def test_a_run_on_a_disk_that_is_too_small_goes_on_when_it_has_grown(
    disk: Path, one: LoadedExperiment, unbroken: Store, run_in_process: Run
) -> None:
    assert check_level(disk, QUICK, one, unbroken, run_in_process)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_run_on_a_disk_of_any_size_goes_on_when_it_has_grown(
    disk: Path, one: LoadedExperiment, unbroken: Store, run_in_process: Run
) -> None:
    failed = [
        check_level(disk, level, one, unbroken, run_in_process) for level in range(LEVELS + 6)
    ]
    assert sum(failed) >= 20
    print(f"{sum(failed)} of {len(failed)} disks were full")


def test_reading_a_store_on_a_full_disk_needs_no_space(
    disk: Path, one: LoadedExperiment, unbroken: Store
) -> None:
    resize(disk, 1 << 26)
    subprocess.run(["cp", "-r", str(unbroken.root), str(disk / "store")], check=True)
    resize(disk, disk_size(unbroken) + (1 << 20))
    with (disk / "rest").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        file.writelines(repeat(bytes(4096)))
    assert not list(disk.glob("store/staging/*"))
    assert len(xstilts.results(one, disk / "store"))
    assert xstilts.plan(one, disk / "store").todo == []
