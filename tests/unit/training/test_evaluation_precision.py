"""bf16 predictions and vectors: those of fp32 within rounding, for any number of cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from xstilts.core.cpu import set_core_limit
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_linear import FastLinear
from xstilts.training.batching import collate
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision import Precision
from xstilts.training.predict import embed, predict

IDS = torch.arange(160)
LABELS = ("a", "b", "c")


def features_of(count: int) -> list[Feature]:
    draw = np.random.default_rng(count)
    lengths = draw.integers(3, 30, count).tolist()
    rows = [[0, *draw.integers(5, 160, length).tolist(), 2] for length in lengths]
    return [Feature(str(n), ids, [0] * len(ids), n % 3) for n, ids in enumerate(rows)]


def model_of(root: Path, precision: Precision) -> MultiTaskModel:
    encoder = Encoder(EncoderFiles(root), IDS)
    if precision == "bf16":
        encoder.prepare_for_bf16()
    shapes = {"t": HeadShape("classification", 3, 0.1, "mean")}
    return initialised(encoder, shapes, 0).eval().requires_grad_(False)


def bits(root: Path, precision: Precision) -> np.ndarray:
    model, features = model_of(root, precision), features_of(60)
    return gold_probabilities(model, "t", "classification", features, 1, precision=precision).bits


OUTPUTS = {"regression": 1, "classification": 2, "multiple_choice": 1, "tagging": 3, "span": 2}
SHAPES = [HeadShape(name, outputs, 0.1, "mean") for name, outputs in OUTPUTS.items()]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.format)
def test_outputs_of_heads_in_bf16_are_not_rounded_to_bf16(root: Path, shape: HeadShape) -> None:
    """They are near those of fp32, and so are the gradients of their weights."""
    model = initialised(Encoder(EncoderFiles(root), IDS), {"t": shape}, 0).eval()
    batch = collate(features_of(20), 1)
    outputs = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            output = model("t", batch.ids, batch.mask, batch.types)
        outputs.append(output[output.isfinite() & output.ne(0)])  # padding has neither
    plain, in_bf16 = outputs
    assert in_bf16.dtype == torch.float32
    assert (in_bf16 != in_bf16.bfloat16().float()).float().mean() > 0.9
    torch.testing.assert_close(in_bf16, plain, rtol=0.1, atol=0.02)
    in_bf16.sum().backward()
    gradients = [one.grad for one in model.heads.parameters()]
    assert all(one is not None and one.dtype == torch.float32 for one in gradients)


def vectors(encoder: Encoder, precision: Precision) -> np.ndarray:
    output = 2, "mean"
    return embed(encoder, features_of(60), 1, [output], precision=precision)[output]


def test_gold_probabilities_in_bf16_are_those_of_fp32_within_rounding(root: Path) -> None:
    exact, rounded = bits(root, "fp32"), bits(root, "bf16")
    assert (exact != rounded).any()
    np.testing.assert_allclose(rounded, exact, rtol=2e-2)


def test_weights_that_are_rounded_once_give_the_numbers_of_autocast(root: Path) -> None:
    plain, rounded = (Encoder(EncoderFiles(root), IDS).eval() for _ in range(2))
    rounded.prepare_for_bf16()
    assert np.array_equal(vectors(plain, "bf16"), vectors(rounded.eval(), "bf16"))


def test_vectors_in_bf16_are_those_of_fp32_within_rounding(root: Path) -> None:
    encoder = Encoder(EncoderFiles(root), IDS).eval()
    exact, rounded = vectors(encoder, "fp32"), vectors(encoder, "bf16")
    assert rounded.dtype == np.float32
    assert (exact != rounded).any()
    cosines = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1)
    assert (cosines / np.linalg.norm(rounded, axis=1)).min() > 0.999


def test_an_encoder_with_rounded_weights_is_not_that_of_fp32_stages(root: Path) -> None:
    rounded = frozen_encoder(EncoderFiles(root), bf16=True)
    exact = frozen_encoder(EncoderFiles(root))
    linear = {True: set[torch.dtype](), False: set[torch.dtype]()}
    for encoder in (rounded, exact):
        for module in encoder.modules():
            weights = getattr(module, "packed", None) or module  # packed where the CPU allows it
            if isinstance(module, FastLinear) and weights.bias is not None:
                linear[encoder is rounded].add(weights.bias.dtype)
    assert linear == {True: {torch.bfloat16}, False: {torch.float32}}


@pytest.mark.parametrize("cores", [1, 2])
def test_predictions_in_bf16_are_the_same_for_any_number_of_cores(root: Path, cores: int) -> None:
    features, reading = features_of(60), TokenizationConfig()
    model = model_of(root, "bf16")
    arguments = model, "t", "classification", features, LABELS, 1, reading
    expected = predict(*arguments, 1, precision="bf16")
    set_core_limit(cores)
    assert predict(*arguments, precision="bf16") == expected
