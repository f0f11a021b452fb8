"""Packed batches: all tokens of a batch in one row without padding, with attention per text.

Everything in a Transformer except attention processes each token independently. A batch is
therefore packed into one row of its real tokens, and only attention needs the boundaries of
texts. The results are those of the padded batch, without computation on padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from xstilts.models.encoder_config import PACKED_TYPES

SIMILAR_LENGTH = 0.75
"""Relative length of texts that are grouped and padded to the longest for attention."""


@dataclass(frozen=True)
class LengthGroup:
    """Texts of similar length, whose attention is computed together.

    Args:
        texts: number of texts, m.
        length: number of tokens of the longest text, t.
        bias: [m · heads, 1, t] added to attention scores: minus infinity for padding, else 0;
            None if there is no padding.
    """

    texts: int
    length: int
    bias: Tensor | None


@dataclass(frozen=True)
class Layout:
    """Positions of the texts in a packed batch.

    The batch has n real tokens. For attention on a CPU, texts are grouped by length, with p
    tokens including padding; on a GPU `groups` is empty, and the next three are not used.

    Args:
        indices: [n] of the real tokens in the flattened padded batch.
        positions: [n] of each token in its text, from 0.
        offsets: [texts + 1] start of each text in the packed row.
        groups: of texts of similar length.
        gather: [p · heads] index in the packed row (token, head) of every (text, head, token) of
            the groups.
        scatter: [n · heads] index in the groups of every (token, head) of the packed row.
        padding: indices of padding in the groups.
        max_length: number of tokens of the longest text.
        heads: number of attention heads.
    """

    indices: Tensor
    positions: Tensor
    offsets: Tensor
    groups: tuple[LengthGroup, ...]
    gather: Tensor
    scatter: Tensor
    padding: Tensor
    max_length: int
    heads: int


def layout_of(mask: Tensor, heads: int) -> Layout:
    """Return the layout of a batch that is padded on the right, given its mask [b, t] (1: real)."""
    lengths = mask.sum(1).tolist()
    indices = mask.flatten().nonzero()[:, 0]
    offsets = functional.pad(mask.sum(1).cumsum(0), (1, 0))
    positions = (mask.cumsum(1) - 1).flatten()[indices]
    grouped = ((), indices, indices, indices) if mask.is_cuda else _groups(lengths, offsets, heads)
    return Layout(indices, positions, offsets, *grouped, max(lengths), heads)


def _groups(
    lengths: Sequence[int], offsets: Tensor, heads: int
) -> tuple[tuple[LengthGroup, ...], Tensor, Tensor, Tensor]:
    """Return `groups`, `gather`, `scatter` and `padding` of a layout."""
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    counts, head = torch.tensor(lengths), torch.arange(heads)[:, None]
    groups, gather_parts, real_parts = list[LengthGroup](), list[Tensor](), list[Tensor]()
    for texts in _by_similar_length(order, lengths):
        length, chosen = lengths[texts[0]], torch.tensor(texts)[:, None, None]
        steps = torch.arange(length)
        real = (steps < counts[chosen]).expand(-1, heads, -1)
        rows = offsets[chosen] + torch.where(real, steps, 0)
        gather_parts.append((rows * heads + head).flatten())
        real_parts.append(real.flatten())
        padded = lengths[texts[-1]] < length
        bias = torch.zeros(real.shape).masked_fill(~real, float("-inf")).view(-1, 1, length)
        groups.append(LengthGroup(len(texts), length, bias if padded else None))
    gather, real = torch.cat(gather_parts), torch.cat(real_parts)
    real_indices = real.nonzero()[:, 0]
    scatter = torch.empty_like(real_indices)
    scatter[gather[real_indices]] = real_indices
    return tuple(groups), gather, scatter, (~real).nonzero()[:, 0]


def _by_similar_length(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group texts, given from longest to shortest, by similar length."""
    group: list[int] = []
    for text in order:
        if group and lengths[text] < SIMILAR_LENGTH * lengths[group[0]]:
            yield group
            group = []
        group.append(text)
    yield group


def uses_packing(model: PreTrainedModel) -> bool:
    """Whether the model supports packed batches."""
    return model.config.model_type in PACKED_TYPES and not model.config.is_decoder


def block_output_at(block: nn.Module, hidden: Tensor, tokens: Tensor, layout: Layout) -> Tensor:
    """[1, n, width] → [1, k, width]: output of a block for some tokens only.

    Attention is over all tokens; the rest of the block is computed only for `tokens`, [k].
    """
    attention = block.get_submodule("attention")
    context, _ = attention.get_submodule("self")(hidden, layout=layout)
    attended = attention.get_submodule("output")(context[:, tokens], hidden[:, tokens])
    inner = block.get_submodule("intermediate")(attended)
    output: Tensor = block.get_submodule("output")(inner, attended)
    return output


def first_position(model: PreTrainedModel) -> int:
    """Position id of the first token; in the RoBERTa family the padding id plus one."""
    positions = cast("nn.Embedding", model.get_submodule("embeddings.position_embeddings"))
    return 0 if positions.padding_idx is None else positions.padding_idx + 1
