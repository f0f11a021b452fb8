"""The fusion head, and the vectors of captions and images."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.models.fusion import (
    FusionHead,
    FusionLayer,
    ImageTextVectors,
    TextImageMatch,
    attention_heads,
)
from xstilts.models.pooling import pool

WIDTH, STATES, IMAGE_WIDTH, LABELS = 8, 3, 5, 4


def head(images: int = 2, pooling: str = "mean", width: int = WIDTH) -> FusionHead:
    torch.manual_seed(0)
    return FusionHead(
        *(width, LABELS, 0.0, pooling),
        images=images,
        image_width=IMAGE_WIDTH,
        image_tokens=STATES,
    ).double()


def inputs(images: int = 2, width: int = WIDTH) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(3, 6, width, dtype=torch.double, generator=generator)
    mask = torch.tensor([[1] * 6, [1, 1, 1, 0, 0, 0], [1] * 5 + [0]])
    states = torch.randn(3, images, STATES, IMAGE_WIDTH, dtype=torch.double, generator=generator)
    return hidden, mask, states


def assert_gradients_are_those_of_finite_differences(
    module: nn.Module, hidden: Tensor, mask: Tensor, images: Tensor | None
) -> None:
    """With respect to the text, the images and every weight."""
    names = [name for name, _ in module.named_parameters()]
    weights = [value.detach().clone().requires_grad_() for value in module.parameters()]

    def run(hidden: Tensor, images: Tensor | None, *values: Tensor) -> Tensor:
        named = dict(zip(names, values, strict=True))
        output: Tensor = torch.func.functional_call(module, named, (hidden, mask, images))
        return output

    if images is not None:
        images.requires_grad_()
    assert torch.autograd.gradcheck(run, (hidden.requires_grad_(), images, *weights))


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_gradients_of_the_fusion_head_are_those_of_finite_differences(pooling: str) -> None:
    hidden, mask, images = inputs(width=4)
    module = head(pooling=pooling, width=4)
    assert_gradients_are_those_of_finite_differences(module, hidden, mask, images)


def test_gradients_without_images_are_those_of_finite_differences() -> None:
    hidden, mask, _ = inputs(width=4)
    module = FusionHead(4, LABELS, 0.0, "mean", images=1, image_width=0, image_tokens=0).double()
    assert_gradients_are_those_of_finite_differences(module, hidden, mask, None)


def test_gradients_of_vectors_are_those_of_finite_differences() -> None:
    hidden, mask, images = inputs(images=1)
    module = ImageTextVectors(WIDTH, IMAGE_WIDTH, "mean").double()
    assert_gradients_are_those_of_finite_differences(module, hidden, mask, images)


@pytest.mark.parametrize("changed", [0, 1])
def test_every_image_and_every_state_of_it_influences_the_logits(changed: int) -> None:
    hidden, mask, images = inputs()
    module = head()
    before = module(hidden, mask, images)
    for state in range(STATES):
        other = images.clone()
        other[1, changed, state] += torch.arange(IMAGE_WIDTH)
        difference = (module(hidden, mask, other) - before).abs().max(-1).values
        assert difference[1] > 1e-6
        assert torch.equal(difference[[0, 2]], torch.zeros(2, dtype=torch.double))


def test_the_order_of_images_and_of_their_states_matters() -> None:
    hidden, mask, images = inputs()
    module = head()
    logits = module(hidden, mask, images)
    assert not torch.allclose(module(hidden, mask, images.flip(1)), logits)
    assert not torch.allclose(module(hidden, mask, images.flip(2)), logits)


@pytest.mark.parametrize("pooling", ["cls", "mean", "last"])
def test_padding_does_not_influence_the_logits(pooling: str) -> None:
    hidden, mask, images = inputs()
    module = head(pooling=pooling)
    other = hidden.masked_fill(mask[..., None] == 0, 7.0)
    assert torch.equal(module(other, mask, images), module(hidden, mask, images))
    alone = module(hidden[1:2, :3], mask[1:2, :3], images[1:2])
    assert torch.allclose(alone, module(hidden, mask, images)[1:2], atol=1e-12)


def test_undefined_states_of_padding_do_not_reach_the_logits() -> None:
    hidden, mask, images = inputs()
    other = hidden.masked_fill(mask[..., None] == 0, float("nan"))
    assert torch.isfinite(head()(other, mask, images)).all()


def test_a_head_without_images_has_no_weights_for_them_and_ignores_them() -> None:
    hidden, mask, images = inputs(images=1)
    module = FusionHead(WIDTH, LABELS, 0.0, "mean", images=1, image_width=0, image_tokens=0)
    module = module.double()
    assert not any("image" in name for name, _ in module.named_parameters())
    assert torch.equal(module(hidden, mask, images), module(hidden, mask, None))


def test_the_layer_is_that_of_torch_with_the_norms_first() -> None:
    torch.manual_seed(0)
    ours = FusionLayer(128, 0.0)
    theirs = nn.TransformerEncoderLayer(
        128, 2, 512, 0.0, functional.gelu, batch_first=True, norm_first=True
    )
    pairs = {
        "attention_norm": "norm1",
        "inner_norm": "norm2",
        "attention_out": "self_attn.out_proj",
        "inner": "linear1",
        "inner_out": "linear2",
    }
    state = {
        f"{other}.{part}": ours.state_dict()[f"{mine}.{part}"]
        for mine, other in pairs.items()
        for part in ("weight", "bias")
    }
    state["self_attn.in_proj_weight"] = ours.query_key_value.weight
    state["self_attn.in_proj_bias"] = ours.query_key_value.bias
    theirs.load_state_dict(state)
    hidden, mask, _ = inputs(width=128)
    expected = theirs(hidden.float(), src_key_padding_mask=mask == 0)
    real = mask.bool()
    assert torch.allclose(ours(hidden.float(), mask)[real], expected[real], atol=1e-5)


def test_vectors_are_those_of_the_pooled_caption_and_of_the_image_alone() -> None:
    hidden, mask, images = inputs(images=1)
    module = ImageTextVectors(WIDTH, IMAGE_WIDTH, "cls").double()
    vectors = module(hidden, mask, images)
    assert vectors.shape == (3, 2, WIDTH)
    assert torch.equal(vectors[:, 0], pool(hidden, mask, "cls"))
    other = module(hidden + 1, mask, images)
    assert torch.equal(vectors[:, 1], other[:, 1])


@pytest.mark.parametrize(("width", "heads"), [(384, 6), (768, 12), (32, 1), (200, 2), (130, 2)])
def test_attention_heads_divide_the_width(width: int, heads: int) -> None:
    assert attention_heads(width) == heads
    assert width % heads == 0


def test_matches_do_not_depend_on_what_all_texts_have_in_common() -> None:
    torch.manual_seed(0)
    texts, images = torch.randn(50, WIDTH), torch.randn(50, 2, STATES, IMAGE_WIDTH)
    scores = []
    for shift, factor in ((0.0, 1.0), (100.0, 3.0)):
        torch.manual_seed(1)
        match = TextImageMatch(WIDTH, LABELS, 2, IMAGE_WIDTH)
        match.set_moments(factor * texts + shift)
        scores.append(match(factor * texts + shift, images))
    assert torch.allclose(*scores, atol=1e-4)


def test_equal_texts_have_finite_matches() -> None:
    match = TextImageMatch(WIDTH, LABELS, 1, IMAGE_WIDTH)
    match.set_moments(torch.ones(4, WIDTH))
    assert torch.isfinite(match(torch.ones(4, WIDTH), torch.randn(4, 1, 3, IMAGE_WIDTH))).all()
