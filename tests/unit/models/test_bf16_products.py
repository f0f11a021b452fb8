"""The product by oneDNN keeps to the bound that mining relies on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xstilts.metrics.approximate_products import approximate_sides
from xstilts.metrics.bfloat16 import round_to_bf16, widen
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
