"""Out of memory and NaN on a real GPU. Skipped without CUDA."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from xstilts.config.recipe import Recipe
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_defaults import EncoderDefaults
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.fast_dropout import Dropout
from xstilts.planning.memory import PROCESS, Hardware, Workload, training_memory
from xstilts.testing.tiny import write_encoder
from xstilts.training.batch_loss import BatchLoss
from xstilts.training.checkpoint import Checkpoints
from xstilts.training.loop import train
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision_retry import train_with_retry
from xstilts.training.predict import predict
from xstilts.training.run_log import Trained
from xstilts.training.train_task import TrainTask

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA")

LAYERS, WIDTH, LENGTH, BATCH = 4, 256, 60, 1024
FEATURES = [
    Feature(str(n), [0, *[5 + n % 90] * (LENGTH - 2), 2], [0] * LENGTH, n % 2)
    for n in range(2 * BATCH)
]
RECIPE = Recipe(
    learning_rate=1e-3, epochs=1, batch_size=BATCH, num_evals=1, checkpoint="last", precision="fp32"
)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small encoder whose activations need far more memory than its weights."""
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf", layers=LAYERS, width=WIDTH), folder)
    return folder


@pytest.fixture
def _limit() -> Iterator[None]:
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    yield
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def model_of(encoder: Path, dropout: float = 0.0) -> MultiTaskModel:
    shape = {"t": HeadShape("classification", 2, dropout, "mean")}
    model = initialised(Encoder(EncoderFiles(encoder), torch.arange(160)), shape, 0)
    for module in model.modules():
        if isinstance(module, Dropout):
            module.p = dropout
    return model


def trained(encoder: Path, folder: Path, recipe: Recipe = RECIPE) -> Trained:
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", FEATURES, (), ())
    model = model_of(encoder)
    return train(model, [task], recipe, 0, 1, Checkpoints(folder), lambda _: None)


def allow(share: float) -> None:
    """Limit this process to a share of the memory that it has needed at its peak."""
    peak = torch.cuda.max_memory_allocated()
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(share * peak / total)


@pytest.mark.usefixtures("_limit")
def test_a_batch_that_exceeds_the_gpu_is_sliced_with_the_same_result(
    encoder: Path, tmp_path: Path
) -> None:
    plain = trained(encoder, tmp_path / "plain")
    assert plain.log.halved_slices == []
    allow(0.7)
    sliced = trained(encoder, tmp_path / "sliced")
    assert sliced.log.halved_slices
    assert sliced.log.losses == pytest.approx(plain.log.losses, abs=1e-4)


@pytest.mark.usefixtures("_limit")
def test_an_evaluation_batch_that_exceeds_the_gpu_is_read_in_parts(encoder: Path) -> None:
    model = model_of(encoder).to("cuda").eval()
    arguments: Any = ("t", "classification", FEATURES, ("a", "b"), 1, TokenizationConfig())
    plain = predict(model, *arguments)
    allow(0.7)
    assert predict(model, *arguments) == plain


@pytest.mark.usefixtures("_limit")
def test_the_estimate_is_near_the_peak(encoder: Path, tmp_path: Path) -> None:
    trained(encoder, tmp_path)
    peak = torch.cuda.max_memory_allocated()
    shape = EncoderDefaults(LAYERS, WIDTH, 160, "mean", 1)
    work = Workload(BATCH * LENGTH, LENGTH, 160)
    estimate = training_memory(shape, work, Hardware(gpu=True)) - PROCESS
    assert 0.5 < estimate / peak < 2


def test_auto_precision_that_diverges_is_repeated_in_fp32(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not torch.cuda.is_bf16_supported():
        pytest.skip("no bf16")
    plain = trained(encoder, tmp_path / "plain")
    loss = BatchLoss.of_rows

    def broken(batch: BatchLoss, rows: Sequence[int]) -> Any:
        value = loss(batch, rows)
        return value * torch.nan if batch.precision == "bf16" else value

    monkeypatch.setattr(BatchLoss, "of_rows", broken)
    task = TrainTask("t", "classification", ("a", "b"), "accuracy", FEATURES, (), ())
    checkpoints = Checkpoints(tmp_path / "retried")

    def attempt(recipe: Recipe) -> tuple[Trained, MultiTaskModel]:
        model = model_of(encoder)
        return train(model, [task], recipe, 0, 1, checkpoints, lambda _: None), model

    auto = RECIPE.model_copy(update={"precision": "auto"})
    retried, _, first = train_with_retry(attempt, auto, checkpoints)
    assert first is not None
    assert first.precision == "bf16"
    assert retried.log.losses == pytest.approx(plain.log.losses, abs=1e-5)
