"""Products of bf16 vectors on CPUs with instructions for them."""

from __future__ import annotations

from xstilts.core.cpu_features import has_fast_bf16
from xstilts.metrics.approximate_products import ApproximateProduct
from xstilts.metrics.bfloat16 import Bits


def fast_bf16_product() -> ApproximateProduct | None:
    """Return the product by oneDNN, which accumulates in fp32; None if it is not fast here."""
    return bf16_product if has_fast_bf16() else None


def bf16_product(left: Bits, right: Bits, out: Bits) -> None:
    """[n, d], [m, d] → `out`, [n, m]: dot products, rounded to bf16."""
    import torch  # small collections are searched without it

    first, second, product = (
        torch.from_numpy(bits).view(torch.bfloat16) for bits in (left, right, out)
    )
    torch.mm(first, second.T, out=product)
