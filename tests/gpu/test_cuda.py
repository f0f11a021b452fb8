"""One worker per GPU, and training on CUDA against the CPU. Skipped without CUDA."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from xstilts.core.devices import CPU, Device, choose_devices, visible_gpus, worker_devices
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.tiny import write_encoder

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")

TRAIN = """
import sys
import torch
from pathlib import Path
from safetensors.torch import save_file
from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.training.run import Run
from xstilts.training.train_task import TrainTask
from xstilts.training.multitask_model import HeadShape, initialised

features = [Feature(str(n), [0, 5 + n % 9, 9, 2], [0] * 4, n % 2) for n in range(32)]
task = TrainTask("t", "classification", ("a", "b"), "accuracy", features, (), ())
shape = {"t": HeadShape("classification", 2, 0.0, "mean")}
model = initialised(Encoder(EncoderFiles(Path(sys.argv[1])), torch.arange(160)), shape, 0)
for module in model.modules():
    if hasattr(module, "p"):
        module.p = 0.0
# a large epsilon: with Adam's usual one, rounding decides the sign of updates of tiny gradients
recipe = Recipe(learning_rate=1e-2, adam_epsilon=1e-2, epochs=2, batch_size=8, num_evals=1,
                checkpoint="last", precision="fp32")
run = Run(model, [task], recipe, 0, 1)
for number in range(5):
    run.step(number)
weights = {name: value.detach().cpu().clone() for name, value in model.named_parameters()}
save_file(weights, sys.argv[2])
print(run.device.type)
"""


def python(code: str, device: Device, *arguments: object) -> str:
    """What code prints in a process on one device."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(
        command,
        env=device.environment(os.environ),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder in the store's layout."""
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf"), folder)
    return folder


def test_each_gpu_gets_one_worker_that_sees_no_other_gpu() -> None:
    devices = worker_devices()
    assert len(devices) == torch.cuda.device_count()
    assert len(set(devices)) == len(devices)
    for device in devices:
        assert python("import torch; print(torch.cuda.device_count())", device) == "1"


def test_a_cpu_worker_sees_no_gpu() -> None:
    (device,) = choose_devices(CPU, visible_gpus())
    assert python("import torch; print(torch.cuda.is_available())", device) == "False"


def test_training_steps_on_cuda_equal_the_cpu_within_tolerance(
    encoder: Path, tmp_path: Path
) -> None:
    gpu, cpu = worker_devices()[0], Device("")
    assert python(TRAIN, gpu, encoder, tmp_path / "gpu.safetensors") == "cuda"
    assert python(TRAIN, cpu, encoder, tmp_path / "cpu.safetensors") == "cpu"
    ours, expected = (load_file(tmp_path / f"{name}.safetensors") for name in ("gpu", "cpu"))
    assert ours.keys() == expected.keys()
    for name, weights in expected.items():
        torch.testing.assert_close(ours[name], weights, rtol=1e-3, atol=1e-5)
