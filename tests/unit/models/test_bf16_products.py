"""The product by oneDNN keeps to the bound that mining relies on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xstilts.core import cpu
from xstilts.metrics.approximate_products import approximate_sides
from xstilts.metrics.bfloat16 import round_to_bf16, widen
from xstilts.metrics.filtered_knn import filtered_knn
from xstilts.metrics.knn import bidirectional_knn
from xstilts.models import bf16_products
from xstilts.models.bf16_products import bf16_product, fast_bf16_product


@pytest.mark.parametrize("width", [1, 7, 384, 1024])
@pytest.mark.parametrize("cancelling", [False, True])
def test_products_are_within_the_bound_and_their_rounding(width: int, cancelling: bool) -> None:
    draw = np.random.default_rng(width)
    left, right = draw.standard_normal((2, 256, width)).astype("f4")
    if cancelling:  # sums that lose all digits where they are accumulated in bf16
        right = np.abs(right) * np.where(np.arange(width) % 2, 1, -1).astype("f4")
        left = np.abs(left)
    both, out = approximate_sides(left, right), np.empty((256, 256), dtype=np.int16)
    bf16_product(both.left.bits, both.right.bits, out)
    cosines = left.astype("f8") @ right.astype("f8").T
    rounding = 2.0**-8 * np.abs(widen(out))
    error = np.abs(widen(out) + both.constant - cosines)
    assert (error <= both.left.error[:, None] + rounding).all()
    assert (error <= both.right.error[None] + rounding).all()


def test_rounding_equals_that_of_torch() -> None:
    values = np.random.default_rng(0).standard_normal(5000).astype("f4")
    wanted = torch.from_numpy(values).bfloat16().view(torch.int16).tolist()
    assert round_to_bf16(values).tolist() == wanted


@pytest.mark.parametrize("fast", [True, False, None])
def test_products_are_used_only_where_they_are_fast(
    fast: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bf16_products, "has_fast_bf16", lambda: fast)
    assert (fast_bf16_product() is bf16_product) == (fast is True)


@pytest.mark.parametrize("cores", [1, 3])
def test_searches_with_the_product_have_the_bits_of_brute_force(cores: int) -> None:
    draw = np.random.default_rng(0)
    left = draw.standard_normal((4200, 48)).astype("f4") + np.float32(0.5)
    noise = 10.0 ** draw.uniform(-7, 0, (4200, 1)) * draw.standard_normal((4200, 48))
    right = (left[draw.integers(0, 4200, 4200)] + noise).astype("f4")
    expected = bidirectional_knn(left, right, 4)
    cpu.set_core_limit(cores)
    try:
        result = filtered_knn(left, right, 4, bf16_product)
    finally:
        cpu.set_core_limit(1)
    for side, other in zip(result, expected, strict=True):
        assert side.cosine.tobytes() == other.cosine.tobytes()
        assert side.index.tobytes() == other.index.tobytes()
