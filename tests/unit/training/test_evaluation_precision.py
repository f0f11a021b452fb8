"""bf16 predictions and vectors: those of fp32 within rounding, for any number of cores."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from xstilts.core.cpu import set_core_limit
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.fast_linear import FastLinear
from xstilts.models.heads import RegressionHead, SentenceHead
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


def numbers(root: Path, precision: Precision) -> torch.Tensor:
    """Predictions of a regression, whose head has the weights of a plain one."""
    encoder = Encoder(EncoderFiles(root), IDS)
    model = initialised(encoder, {"t": HeadShape("regression", 1, 0.1, "mean")}, 0)
    nn.init.constant_(model.heads.get_parameter("t.out.bias"), 2.5)
    given = features_of(60), LABELS, 1, TokenizationConfig()
    return torch.tensor(predict(model, "t", "regression", *given, precision=precision))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_numbers_that_a_regression_predicts_have_the_bits_of_fp32(
    root: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision
) -> None:
    """Those of fp32 are the same as those of a head that follows autocast."""
    predicted = numbers(root, precision)
    assert (predicted != predicted.bfloat16().float()).float().mean() > 0.9
    torch.testing.assert_close(predicted, numbers(root, "fp32"), rtol=1e-3, atol=0)
    monkeypatch.setattr(RegressionHead, "output", SentenceHead.output)
    assert predicted.equal(numbers(root, precision)) == (precision == "fp32")


def test_the_loss_of_a_regression_in_bf16_is_of_numbers_in_fp32(root: Path) -> None:
    head = RegressionHead(8, 0.0, "mean")
    hidden, mask = torch.randn(4, 3, 8), torch.ones(4, 3)
    with torch.autocast("cpu", torch.bfloat16):
        logits = head(hidden, mask)
    logits.sum().backward()
    gradients = [one.grad for one in head.parameters()]
    assert {logits.dtype, *(one.dtype for one in gradients if one is not None)} == {torch.float32}
    assert None not in gradients


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
