"""Groups of devices: `--devices-per-stage`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xstilts.core.devices import (
    HIP_VISIBLE,
    PER_STAGE,
    VISIBLE,
    Device,
    group_devices,
    rank_environment,
    worker_devices,
)
from xstilts.core.errors import ConfigError
from xstilts.core.store import Store
from xstilts.core.warn_once import forget_warnings
from xstilts.executors.base import BatchOptions, ExecutorOptions
from xstilts.executors.pool import worker_command
from xstilts.executors.slurm import SlurmExecutor

GPUS = tuple(Device(str(number)) for number in range(5))


def test_gpus_form_groups_and_the_rest_is_counted() -> None:
    groups, left = group_devices(GPUS, 2, cores=8)
    assert [group.visible for group in groups] == ["0,1", "2,3"]
    assert left == 1
    assert groups[0].gpus == ("0", "1")
    assert str(groups[0]) == "GPUs 0,1"


def test_one_device_per_stage_changes_nothing() -> None:
    assert group_devices(GPUS, 1, cores=8) == (GPUS, 0)


@pytest.mark.parametrize(
    ("devices", "per_stage", "named"),
    [(GPUS, 6, "5 GPUs"), (GPUS, 0, "0 devices"), ((Device(""),), 3, "2 cores")],
)
def test_a_group_has_one_device_at_least_and_no_more_than_there_are(
    devices: tuple[Device, ...], per_stage: int, named: str
) -> None:
    with pytest.raises(ConfigError, match=named) as raised:
        group_devices(devices, per_stage, cores=2)
    assert raised.value.where == PER_STAGE


def test_idle_gpus_are_named_in_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    forget_warnings()
    monkeypatch.delenv(HIP_VISIBLE, raising=False)
    monkeypatch.setenv(VISIBLE, "3,4,5")
    assert [device.visible for device in worker_devices(per_stage=2)] == ["3,4"]
    assert "1 of 3 GPUs" in caplog.text


def test_workers_on_a_cpu_share_its_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xstilts.core.devices.available_cores", lambda: 6)
    assert len(worker_devices("cpu", per_stage=3)) == 2
    assert len(worker_devices("cpu", per_stage=6)) == 1


def test_every_rank_sees_one_gpu_of_its_worker() -> None:
    environ = {VISIBLE: "4,5,6", "PATH": "/bin"}
    seen = [rank_environment(environ, rank, 3) for rank in range(3)]
    assert [own[VISIBLE] for own in seen] == ["4", "5", "6"]
    assert rank_environment({VISIBLE: ""}, 1, 2) == {VISIBLE: ""}
    assert rank_environment({}, 1, 2) == {}
    with pytest.raises(ConfigError, match="1 GPUs"):
        rank_environment({VISIBLE: "4"}, 0, 2)


def test_the_command_of_a_worker_names_its_devices_only_if_there_are_several(
    tmp_path: Path,
) -> None:
    assert worker_command(tmp_path)[-1] == str(tmp_path)
    assert worker_command(tmp_path, 2)[-1] == "2"


def test_gpus_of_a_slurm_job_that_form_no_groups_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    with pytest.raises(ConfigError) as raised:
        SlurmExecutor(
            Store(tmp_path), ExecutorOptions(devices_per_stage=2, batch=BatchOptions(gpus=3))
        )
    assert raised.value.where == PER_STAGE
