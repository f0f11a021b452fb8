"""Chunked cross-entropy and argmax equal those of the full logits."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from xstilts.models import chunked_lm_loss as tied
from xstilts.models.chunked_lm_loss import TiedLogits, argmax, autocast, cross_entropy

PLACES, ROWS, WIDTH = 11, 37, 5


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks that divide neither the places nor the rows."""
    monkeypatch.setattr(tied, "ON_CPU", (4, 8))


def drawn(scale: float = 1.0, kind: torch.dtype = torch.float64) -> tuple[TiedLogits, Tensor]:
    """Logits and targets, some of these more than once."""
    draw = torch.Generator().manual_seed(3)

    def leaf(*shape: int) -> Tensor:
        made = scale * torch.randn(shape, generator=draw, dtype=torch.float64)
        return made.to(kind).requires_grad_()

    targets = torch.randint(ROWS // 3, (PLACES,), generator=draw) * 3
    return TiedLogits(leaf(PLACES, WIDTH), leaf(ROWS, WIDTH), leaf(ROWS)), targets


def plain(logits: TiedLogits) -> Tensor:
    return functional.linear(logits.hidden, logits.embeddings, logits.bias)


def gradients(loss: Tensor, logits: TiedLogits) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss / 7, (logits.hidden, logits.embeddings, logits.bias))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize("order", ["rising", "falling", "mixed"])
def test_loss_and_gradients_equal_those_of_full_logits(scale: float, order: str) -> None:
    logits, targets = drawn(scale)
    if order != "mixed":  # each chunk of rows has a new largest logit, or only the first one
        logits.bias.data, _ = (10 * logits.bias).detach().sort(descending=order == "falling")
    expected = functional.cross_entropy(plain(logits), targets, reduction="sum")
    found = cross_entropy(logits, targets)
    torch.testing.assert_close(found, expected)
    for mine, other in zip(gradients(found, logits), gradients(expected, logits), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-10, atol=1e-12)


def test_autocast_multiplies_in_bfloat16_and_sums_in_float32() -> None:
    logits, targets = drawn(kind=torch.float32)
    assert autocast(logits.hidden) is logits.hidden
    expected = functional.cross_entropy(plain(logits), targets, reduction="sum")
    with torch.autocast("cpu", torch.bfloat16):
        narrow = TiedLogits(autocast(logits.hidden), logits.embeddings, logits.bias)
        found = cross_entropy(narrow, targets)
    assert (narrow.hidden.dtype, found.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(found, expected, rtol=2e-2, atol=0)
    for mine, other in zip(gradients(found, logits), gradients(expected, logits), strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, other, rtol=0, atol=2e-2 * float(other.abs().max()))


@pytest.mark.parametrize("places", [0, 1, PLACES])
def test_argmax_equals_full_logits_with_ties_to_the_first(places: int) -> None:
    logits, _ = drawn()
    logits = logits.at(slice(places))
    with torch.inference_mode():
        assert argmax(logits).tolist() == plain(logits).argmax(-1).tolist()
    whole = [
        one.detach().round() for one in (logits.hidden, logits.embeddings, logits.bias)
    ]  # exact
    hidden, table, bias = whole
    often = TiedLogits(hidden, torch.cat([table, table, table]), torch.cat([bias, bias, bias]))
    assert argmax(often).tolist() == plain(TiedLogits(*whole)).argmax(-1).tolist()
    equal = TiedLogits(hidden, torch.zeros_like(table), torch.full_like(bias, -2.0))
    assert argmax(equal).tolist() == [0] * places


class Largest(TorchDispatchMode):
    """Numbers in the largest tensor that an operation returns."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        for one in found if isinstance(found, (tuple, list)) else [found]:
            self.numbers = max(self.numbers, one.numel() if isinstance(one, Tensor) else 0)
        return found


def test_full_logits_are_never_materialised() -> None:
    logits, targets = drawn()
    with Largest() as whole:
        functional.cross_entropy(plain(logits), targets, reduction="sum").backward()
    with Largest() as chunked:
        cross_entropy(logits, targets).backward()
        argmax(logits)
    assert whole.numbers == PLACES * ROWS
    assert chunked.numbers == ROWS * WIDTH  # the matrix and its gradient


def test_frozen_embeddings_get_no_gradient_and_change_no_other() -> None:
    logits, targets = drawn()
    expected = gradients(cross_entropy(logits, targets), logits)
    logits.embeddings.requires_grad_(False)
    with Largest() as largest:
        loss = cross_entropy(logits, targets)
        hidden, bias = torch.autograd.grad(loss / 7, (logits.hidden, logits.bias))
    assert hidden.equal(expected[0])
    assert bias.equal(expected[2])
    assert largest.numbers < ROWS * WIDTH


def test_no_positions_give_zero_loss() -> None:
    logits, targets = drawn()
    loss = cross_entropy(logits.at(slice(0)), targets[:0])
    loss.backward()
    assert float(loss.detach()) == 0
    assert not any(one.grad is None or one.grad.any() for one in (logits.embeddings, logits.bias))


def test_gradients_are_returned_once() -> None:
    logits, targets = drawn()
    loss = cross_entropy(logits, targets)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        loss.backward()


def test_nan_inputs_give_a_nan_loss() -> None:
    logits, targets = drawn()
    logits.hidden.data[2, 1] = torch.inf
    assert not torch.isfinite(cross_entropy(logits, targets).detach())
