"""The device of each worker, with faked GPUs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from xstilts.core import devices
from xstilts.core.devices import Device, assign_devices, choose_devices, visible_gpus
from xstilts.core.errors import ConfigError


@pytest.fixture
def device_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder instead of /dev, and no nvidia-smi."""
    monkeypatch.setattr(devices, "DEVICE_FILES", tmp_path)
    monkeypatch.setattr(devices.shutil, "which", lambda _: None)
    return tmp_path


@pytest.mark.parametrize(
    ("variable", "gpus"),
    [
        ("0,1", ("0", "1")),
        ("3", ("3",)),
        ("5, 2", ("5", "2")),
        ("GPU-aa,GPU-bb", ("GPU-aa", "GPU-bb")),
        ("MIG-11,MIG-22", ("MIG-11", "MIG-22")),
        ("", ()),
        ("-1", ()),
        ("0,-1,1", ("0",)),
        ("0,1,0", ("0", "1")),
        ("MIG-GPU-aa/1/0", ("MIG-GPU-aa/1/0",)),
        ("NoDevFiles", ()),
    ],
)
def test_cuda_visible_devices_is_respected(
    variable: str, gpus: tuple[str, ...], device_files: Path
) -> None:
    for number in range(8):
        (device_files / f"nvidia{number}").touch()
    assert visible_gpus({devices.VISIBLE: variable}) == gpus


def test_gpus_are_counted_by_their_device_files(device_files: Path) -> None:
    for name in ("nvidia2", "nvidia5", "nvidiactl", "nvidia-uvm"):
        (device_files / name).touch()
    assert visible_gpus({}) == ("0", "1")


def test_without_device_files_nvidia_smi_lists_the_gpus(
    device_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = "GPU 0: A (UUID: GPU-aa)\n  MIG 1g Device 0: (UUID: MIG-1)\nGPU 1: A (UUID: GPU-bb)\n"
    monkeypatch.setattr(devices.shutil, "which", lambda _: "nvidia-smi")
    monkeypatch.setattr(devices.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=listed))
    assert visible_gpus({}) == ("GPU-aa", "GPU-bb")


@pytest.fixture
def rocm(device_files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch for ROCm, and an empty folder instead of the driver's topology."""
    monkeypatch.setattr(devices, "torch_uses_rocm", lambda: True)
    monkeypatch.setattr(devices, "ROCM_NODES", device_files)
    return device_files


def test_each_amd_gpu_has_its_own_worker(rocm: Path) -> None:
    for number, gpu_id in enumerate(["0", "51543", "", "2710"]):  # two CPUs, two GPUs
        (rocm / str(number)).mkdir()
        (rocm / str(number) / "gpu_id").write_text(gpu_id + "\n")
    (rocm / "nvidia0").touch()
    found = choose_devices("auto", visible_gpus({}))
    assert [str(device) for device in assign_devices(found, None, 64)] == ["GPU 0", "GPU 1"]


def test_amd_gpus_are_those_that_hip_shows(rocm: Path) -> None:
    both = {devices.HIP_VISIBLE: "2,3", devices.VISIBLE: "0"}
    assert visible_gpus(both) == ("2", "3")
    assert visible_gpus({devices.VISIBLE: "1"}) == ("1",)
    environment = Device("3").environment(both)
    assert environment == {devices.HIP_VISIBLE: "3", devices.VISIBLE: "3"}


@pytest.mark.parametrize(
    ("environ", "gpus"),
    [
        ({devices.ROCR_VISIBLE: "2,3"}, ("0", "1")),
        ({devices.ROCR_VISIBLE: "1,GPU-4b2c,-1,0"}, ("0", "1")),
        ({devices.ROCR_VISIBLE: ""}, ()),
        ({devices.ROCR_VISIBLE: "2,3", devices.HIP_VISIBLE: "1"}, ("1",)),
        ({devices.HIP_VISIBLE: "", devices.VISIBLE: "1"}, ("1",)),
        ({devices.HIP_VISIBLE: "", devices.VISIBLE: ""}, ("0",)),
        ({devices.HIP_VISIBLE: "-1"}, ()),
    ],
)
def test_hip_numbers_the_gpus_of_the_layer_below_and_an_empty_list_hides_none(
    rocm: Path, environ: dict[str, str], gpus: tuple[str, ...]
) -> None:
    (rocm / "0").mkdir()
    (rocm / "0" / "gpu_id").write_text("51543\n")
    assert visible_gpus(environ) == gpus


@pytest.mark.usefixtures("rocm")
def test_a_worker_on_the_cpu_sees_no_amd_gpu() -> None:
    environment = Device("").environment({devices.HIP_VISIBLE: "0,1"})
    assert visible_gpus(environment) == ()
    assert set(environment.values()) == {devices.NO_HIP_GPU}
    assert devices.rank_environment(environment, 1, 2) == environment


@pytest.mark.parametrize(("hip", "uses_rocm"), [("'6.4.1'", True), ("None", False)])
def test_torch_for_rocm_is_recognised_by_its_version_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hip: str, uses_rocm: bool
) -> None:
    (tmp_path / "version.py").write_text(
        f"cuda: Optional[str] = '12'\nhip: Optional[str] = {hip}\n"
    )
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(devices, "find_spec", lambda _: spec)
    assert devices.torch_uses_rocm.__wrapped__() is uses_rocm


def test_a_machine_without_gpus_has_none(device_files: Path) -> None:
    assert visible_gpus({}) == ()


@pytest.mark.parametrize(
    ("wanted", "gpus", "visible"),
    [
        ("auto", ("0", "1"), ["0", "1"]),
        ("auto", (), [None]),
        ("cpu", ("0", "1"), [""]),
        ("1", ("4", "5"), ["5"]),
        ("1, 0", ("0", "1"), ["1", "0"]),
        ("GPU-bb", ("GPU-aa", "GPU-bb"), ["GPU-bb"]),
    ],
)
def test_devices_are_chosen_among_the_visible_ones(
    wanted: str, gpus: tuple[str, ...], visible: list[str | None]
) -> None:
    assert choose_devices(wanted, gpus) == tuple(map(Device, visible))


@pytest.mark.parametrize("wanted", ["2", "4", "0,0", "mps", "", "GPU-cc", "cuda"])
def test_a_device_that_cannot_be_used_is_refused(wanted: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose_devices(wanted, ("4", "5"))
    assert error.value.where == "--devices"


def test_a_uuid_is_taken_as_it_is_where_no_variable_limits_the_gpus() -> None:
    assert choose_devices("GPU-cc", ("0", "1"), any_uuid=True) == (Device("GPU-cc"),)


@pytest.mark.parametrize(
    ("visible", "workers", "cores", "assigned"),
    [
        (("0", "1", "2"), None, 64, ["0", "1", "2"]),
        (("0", "1", "2"), 2, 64, ["0", "1"]),
        (("0", "1"), 5, 64, ["0", "1", "0", "1", "0"]),
        (("0",), None, 64, ["0"]),
        (("",), None, 64, [""] * 4),
        (("",), None, 2, [""] * 2),
        ((None,), 6, 2, [None] * 6),
    ],
)
def test_one_worker_per_gpu_unless_more_are_asked_for(
    visible: tuple[str | None, ...], workers: int | None, cores: int, assigned: list[str | None]
) -> None:
    chosen = assign_devices([Device(one) for one in visible], workers, cores)
    assert [device.visible for device in chosen] == assigned


def test_a_device_sets_nothing_else_in_the_environment() -> None:
    environ = {"PATH": "/bin", devices.VISIBLE: "7"}
    assert Device("2").environment(environ) == {"PATH": "/bin", devices.VISIBLE: "2"}
    assert Device("").environment(environ) == {"PATH": "/bin", devices.VISIBLE: ""}
    assert Device().environment(environ) == environ


def test_devices_are_listed_without_torch() -> None:
    code = (
        "import sys, xstilts.core.devices as d; d.worker_devices(); print('torch' in sys.modules)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"
