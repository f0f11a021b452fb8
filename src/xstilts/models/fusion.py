"""Heads that join the states of a text encoder with those of a frozen vision tower.

The fusion head is the single-stream architecture of VisualBERT (Li et al. 2019) and UNITER (Chen
et al. 2020) on top of two trained encoders, with one layer: states of patches are normalised,
projected to the width of the text and marked with their position and the number of their image;
one Transformer layer (pre-norm) attends over all sub-words and patches. The classifier reads the
pooled text, the mean of each image, and the product of the two (Lu et al. 2019, ViLBERT). To its
logits are added those of scores that say how well the text matches the patches of each image.

Without images (a control whose images are withheld) the layer and the classifier read the text
alone; the head then has no weights for images.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.models.output_layer import OutputLayer
from xstilts.models.pooling import pool

HEAD_WIDTH = 64
"""Dimensions of an attention head, as in BERT; narrower encoders have one head."""
COSINE_SCALE = 10.0
"""Factor of cosines before the smooth maximum over patches."""
LEAST_DEVIATION = 0.1
"""The smallest deviation that a dimension is divided by, relative to the mean deviation."""
GROWTH = 4
"""Width of the feed-forward network relative to the layer's, as in BERT."""


class ImageTokens(nn.Module):
    """States of images in the space of the text.

    Args:
        width: of the text encoder.
        images: number of images per example.
        image_width, image_tokens: width and number of the states of an image.
    """

    def __init__(self, width: int, images: int, image_width: int, image_tokens: int) -> None:
        super().__init__()
        self.state_norm = nn.LayerNorm(image_width)
        self.projection = nn.Linear(image_width, width)
        self.position = nn.Embedding(image_tokens, width)
        self.number = nn.Embedding(images, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, images: Tensor) -> Tensor:
        """[b, k, p, image width] → [b, k, p, width]."""
        projected = self.projection(self.state_norm(images))
        marked = projected + self.position.weight + self.number.weight[:, None]
        tokens: Tensor = self.norm(marked)
        return tokens


class FusionLayer(nn.Module):
    """A Transformer layer with the norms before its two parts (Xiong et al. 2020)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.heads = attention_heads(width)
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.inner_norm = nn.LayerNorm(width)
        self.inner = nn.Linear(width, GROWTH * width)
        self.inner_out = nn.Linear(GROWTH * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """[b, t, width], mask [b, t] (1: real) → [b, t, width]; undefined for padding."""
        states = states + self.dropout(self._attended(self.attention_norm(states), mask))
        inner = functional.gelu(self.inner(self.inner_norm(states)))
        fused: Tensor = states + self.dropout(self.inner_out(inner))
        return fused

    def _attended(self, states: Tensor, mask: Tensor) -> Tensor:
        batch, tokens, width = states.shape
        parts = self.query_key_value(states).view(batch, tokens, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        readable = mask[:, None, None].bool()
        context = functional.scaled_dot_product_attention(query, key, value, readable)
        attended: Tensor = self.attention_out(context.transpose(1, 2).reshape(batch, tokens, width))
        return attended


class TextImageMatch(nn.Module):
    """How well a text matches each image: by cosines of the text and the image's patches.

    Vectors of sentences of a pretrained encoder have most of their length in common, so that their
    cosines hardly differ; they are therefore centred and scaled by their moments over training
    texts, which `set_moments` gives. The default leaves them as they are.

    Args:
        width: of the text encoder.
        labels: number of outputs.
        images: number of images per example.
    """

    text_mean: Tensor
    text_scale: Tensor

    def __init__(self, width: int, labels: int, images: int, image_width: int) -> None:
        super().__init__()
        self.register_buffer("text_mean", torch.zeros(width))
        self.register_buffer("text_scale", torch.ones(width))
        self.state_norm = nn.LayerNorm(image_width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(image_width, width)
        self.out = OutputLayer(2 * images, labels)

    def set_moments(self, texts: Tensor) -> None:
        """Centre and scale by these pooled training texts, [n, width]."""
        deviation = texts.std(0, correction=0)
        smallest = LEAST_DEVIATION * deviation.mean()
        self.text_mean.copy_(texts.mean(0))
        is_constant = not bool(smallest > 0)
        scale = torch.ones_like(deviation) if is_constant else deviation.clamp(min=smallest)
        self.text_scale.copy_(scale)

    def forward(self, text: Tensor, images: Tensor) -> Tensor:
        """[b, width] pooled texts, [b, k, p, image width] → logits [b, labels]."""
        query = self.query((text - self.text_mean) / self.text_scale)
        key = self.key(self.state_norm(images))
        cosines = torch.einsum(
            "bd,bkpd->bkp", functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        )
        best = torch.logsumexp(COSINE_SCALE * cosines, -1)
        logits: Tensor = self.out(torch.cat([best, COSINE_SCALE * cosines.mean(-1)], 1))
        return logits


class FusionHead(nn.Module):
    """Classification head over a text and its images.

    Args:
        width: of the text encoder.
        labels: number of outputs.
        pooling: how the text is read after the fusion layer.
        images: number of images per example.
        image_width, image_tokens: width and number of the states of an image; width 0 for a head
            from which images are withheld.
    """

    def __init__(
        self,
        width: int,
        labels: int,
        dropout: float,
        pooling: str,
        *,
        images: int,
        image_width: int,
        image_tokens: int,
    ) -> None:
        super().__init__()
        self.text_pooling = pooling  # all sub-words are read, so that it is not `pooling`
        self.image_tokens = (
            ImageTokens(width, images, image_width, image_tokens) if image_width else None
        )
        self.match = TextImageMatch(width, labels, images, image_width) if image_width else None
        vectors = 1 + 2 * images if image_width else 1
        self.layer = FusionLayer(width, dropout)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(vectors * width, width)
        self.out = OutputLayer(width, labels)

    def forward(self, hidden: Tensor, mask: Tensor, images: Tensor | None = None) -> Tensor:
        """Logits [b, labels].

        Args:
            hidden: [b, t, width], mask: [b, t].
            images: [b, k, p, image width]; None if they are withheld.
        """
        hidden = hidden.masked_fill(mask.unsqueeze(-1) == 0, 0.0)  # states of padding: undefined
        if self.image_tokens is None or self.match is None:
            return self._logits(pool(self.norm(self.layer(hidden, mask)), mask, self.text_pooling))
        assert images is not None, "the head was built for images"
        matching = self.match(pool(hidden, mask, self.text_pooling), images)
        fused = self._logits(self._joined(hidden, mask, self.image_tokens(images)))
        logits: Tensor = fused + matching
        return logits

    def _logits(self, vectors: Tensor) -> Tensor:
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(self.dropout(vectors)))))
        return logits

    def _joined(self, hidden: Tensor, mask: Tensor, images: Tensor) -> Tensor:
        """[b, (1 + 2 k) width]: text, means of the k images, and products with the text."""
        batch, count, patches, width = images.shape
        length = hidden.shape[1]
        states = torch.cat([hidden, images.view(batch, -1, width).to(hidden.dtype)], dim=1)
        readable = torch.cat([mask, mask.new_ones(batch, count * patches)], dim=1)
        fused = self.norm(self.layer(states, readable))
        text = pool(fused[:, :length], mask, self.text_pooling)
        means = fused[:, length:].view(batch, count, patches, width).mean(2)
        products = text[:, None] * means
        return torch.cat([text, means.flatten(1), products.flatten(1)], dim=1)


class ImageTextVectors(nn.Module):
    """A vector for each caption and each image, in one space: for retrieval.

    The text is the pooled output of the encoder; the normalised states of an image are averaged
    and projected to its width, as in locked-image tuning (Zhai et al. 2022) with a projection on
    the side of the frozen tower. Text encoder and tower of one image-text model (CLIP, SigLIP)
    share a space already, and get no projection.

    Args:
        width: of the vectors of texts.
        image_width: of the states of an image.
        joint: whether text and image vectors are already in one space.
    """

    def __init__(self, width: int, image_width: int, pooling: str, *, joint: bool = False) -> None:
        super().__init__()
        self.pooling = pooling
        self.state_norm = None if joint else nn.LayerNorm(image_width)
        self.projection = None if joint else nn.Linear(image_width, width)

    def forward(
        self,
        hidden: Tensor,
        mask: Tensor,
        images: Tensor | None = None,
        projected: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Vectors [b, 2, width]: of the caption, and of its image.

        Args:
            hidden: [b, t, encoder width], mask: [b, t].
            images: [b, 1, p, image width].
            projected: the encoder's own projection of pooled texts.
        """
        assert images is not None, "the head was built for images"
        text = pool(hidden, mask, self.pooling)
        if projected is not None:
            text = projected(text)
        states = images[:, 0]
        if self.state_norm is not None and self.projection is not None:
            image = self.projection(self.state_norm(states).mean(1))
        else:
            image = states.mean(1)
        return torch.stack([text, image.to(text.dtype)], dim=1)


def attention_heads(width: int) -> int:
    """Number of attention heads: of 64 dimensions, or fewer that divide the width."""
    heads = max(1, width // HEAD_WIDTH)
    while width % heads:
        heads -= 1
    return heads
