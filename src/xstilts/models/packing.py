"""Packed batches: all tokens of a batch in one row without padding, with attention per text.

Everything in a Transformer except attention processes each token independently. A batch is
therefore packed into one row of its real tokens, and only attention needs the boundaries of
texts. The results are those of the padded batch, without computation on padding; where
oneDNN multiplies, a few rows without a token follow the last text (`rounded_rows`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from xstilts.models.encoder_config import PACKED_TYPES

LEAST_ROUNDING = 8
ROUNDING = 32
"""Numbers of rows between a power of two and the next are rounded up to so many: oneDNN compiles a
kernel for each number of rows, which takes as long as the product of a small matrix."""
ROUNDING_OF_SOME = 8
"""The same for tokens that alone are computed in the last block, in evaluation. Their number
differs from batch to batch, and each kernel takes about 0.1 MB."""


@dataclass(frozen=True)
class Grouping:
    """Which texts are padded to one length for attention on a CPU.

    Args:
        similar: length of the shortest text of a group relative to that of the longest, at least.
        multiple: a group's length is a multiple of it.
    """

    similar: float
    multiple: int


IN_FP32 = Grouping(similar=0.75, multiple=1)
IN_BF16 = Grouping(similar=0.5, multiple=8)
"""oneDNN compiles kernels for each shape of a group's products in bf16, and multiplies numbers of
columns that are not a multiple of 8 more slowly. More padding in fewer groups takes less time."""


@dataclass(frozen=True)
class LengthGroup:
    """Texts of similar length, whose attention is computed together.

    Args:
        texts: number of texts, m.
        length: to which the texts are padded, t.
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
        rows: number of rows of the packed batch; those after the first n belong to no text.
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
    rows: int
    positions: Tensor
    offsets: Tensor
    groups: tuple[LengthGroup, ...]
    gather: Tensor
    scatter: Tensor
    padding: Tensor
    max_length: int
    heads: int

    @cached_property
    def joint_gather(self) -> Tensor:
        """[3 · p · heads] as `gather`, where rows have query, key and value: (token, 3, head)."""
        token, head = self.gather // self.heads, self.gather % self.heads
        return torch.cat([(3 * token + part) * self.heads + head for part in range(3)])

    @cached_property
    def joint_scatter(self) -> Tensor:
        """[n · 3 · heads] as `scatter`, into query, key and value of the groups in turn."""
        parts = [self.scatter + part * len(self.gather) for part in range(3)]
        return torch.stack([part.view(-1, self.heads) for part in parts], 1).flatten()


def layout_of(
    mask: Tensor, heads: int, *, rounded: bool = False, grouping: Grouping = IN_FP32
) -> Layout:
    """Return the layout of a batch that is padded on the right.

    Args:
        mask: [b, t] (1: real).
        heads: number of attention heads.
        rounded: whether the number of rows is rounded up; see `rounded_rows`.
        grouping: of the texts on a CPU.
    """
    lengths = mask.sum(1).tolist()
    indices = mask.flatten().nonzero()[:, 0]
    offsets = functional.pad(mask.sum(1).cumsum(0), (1, 0))
    positions = (mask.cumsum(1) - 1).flatten()[indices]
    rows = rounded_rows(len(indices)) if rounded else len(indices)
    grouped: tuple[tuple[LengthGroup, ...], Tensor, Tensor, Tensor] = (), indices, indices, indices
    if not mask.is_cuda:
        grouped = _groups(lengths, offsets, heads, grouping)
    return Layout(indices, rows, positions, offsets, *grouped, max(lengths), heads)


def rounded_rows(tokens: int, numbers: int = ROUNDING) -> int:
    """The number of rows for some tokens: one of so many from a power of two to the next.

    See `ROUNDING`; at least the next multiple of `LEAST_ROUNDING`.
    """
    step = max(LEAST_ROUNDING, (1 << (tokens.bit_length() - 1)) // numbers)
    return -(-tokens // step) * step


def _groups(
    lengths: Sequence[int], offsets: Tensor, heads: int, grouping: Grouping
) -> tuple[tuple[LengthGroup, ...], Tensor, Tensor, Tensor]:
    """Return `groups`, `gather`, `scatter` and `padding` of a layout."""
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    counts, head = torch.tensor(lengths), torch.arange(heads)[:, None]
    groups, gather_parts, real_parts = list[LengthGroup](), list[Tensor](), list[Tensor]()
    for texts in _by_similar_length(order, lengths, grouping.similar):
        length = -(-lengths[texts[0]] // grouping.multiple) * grouping.multiple
        chosen = torch.tensor(texts)[:, None, None]
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


def _by_similar_length(
    order: Sequence[int], lengths: Sequence[int], similar: float
) -> Iterator[list[int]]:
    """Group texts, given from longest to shortest, by similar length."""
    group: list[int] = []
    for text in order:
        if group and lengths[text] < similar * lengths[group[0]]:
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
