"""The function that chooses the device of models."""

from __future__ import annotations

import pytest
import torch

from xstilts.core.device_errors import DEVICE_FAILED, UnusableGpu, device_failure
from xstilts.core.devices import VISIBLE
from xstilts.models import device as devices
from xstilts.training.precision import resolve_precision


def test_an_apple_gpu_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.compute_device() == torch.device("cpu")
    assert devices.describe_device() == "CPU; the Apple GPU is not supported"
    assert resolve_precision("auto", devices.compute_device()) == "fp32"


@pytest.mark.parametrize(("visible", "fails"), [("-1", False), ("", False), ("0", True)])
def test_a_gpu_that_torch_cannot_use_is_an_error_and_a_list_without_gpus_is_none(
    monkeypatch: pytest.MonkeyPatch, visible: str, fails: bool
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(VISIBLE, visible)
    if fails:
        with pytest.raises(UnusableGpu, match="cannot use GPU 0") as caught:
            devices.compute_device()
        assert device_failure(caught.value) == DEVICE_FAILED
        assert caught.value.exit_code == 2
    else:
        assert devices.compute_device() == torch.device("cpu")


def test_a_visible_gpu_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "H100")
    assert devices.compute_device() == torch.device("cuda")
    assert devices.describe_device().startswith("H100")
    assert resolve_precision("auto", devices.compute_device()) == "bf16"
    assert resolve_precision("auto", torch.device("cpu")) == "fp32"


def test_a_gpu_that_only_emulates_bf16_trains_in_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_a_v100(including_emulation: bool = True) -> bool:
        return including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", of_a_v100)
    assert resolve_precision("auto", torch.device("cuda")) == "fp32"
