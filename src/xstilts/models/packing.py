"""Encoders without padding: the sub-words of a batch in one row, attention text by text.

Everything in a Transformer but attention looks at one sub-word at a time. So the batch is read
as one long row of its real sub-words, and only attention is told where a text ends. The results
are those of the padded batch, without the work on padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""Model types whose blocks hand `layout` on to the attention function; others are padded."""
SIMILAR_LENGTH = 0.75
"""Texts at least this share of the longest are attended to together, padded to it."""


@dataclass(frozen=True)
class LengthGroup:
    """Texts of similar length, for which attention is computed in one go.

    Args:
        texts, longest: their number m, and sub-words t of the longest.
        bias: [m · heads, 1, t] to add to the scores: 0, and minus infinity for padding; none
            where there is no padding.
    """

    texts: int
    longest: int
    bias: Tensor | None


@dataclass(frozen=True)
class Layout:
    """Where the texts of a packed batch lie.

    Args:
        places: [n] of the real sub-words in the padded batch, flattened.
        positions: [n] of each sub-word in its text, from 0.
        offsets: [texts + 1] where each text starts in the row.
        groups: none on a GPU, whose kernels need none; nor the next three then.
        out: [p · heads] where, in the packed row of vectors head by head, the groups' texts,
            padded, find what is theirs: by text, head and sub-word.
        back: [n · heads] where in these the packed row's vectors are.
        empty: which of these are padding.
    """

    places: Tensor
    positions: Tensor
    offsets: Tensor
    groups: tuple[LengthGroup, ...]
    out: Tensor
    back: Tensor
    empty: Tensor
    longest: int
    heads: int


def layout_of(mask: Tensor, heads: int) -> Layout:
    """The layout of a batch padded at the end, given its mask [b, t] (1: real)."""
    lengths = mask.sum(1).tolist()
    places = mask.flatten().nonzero()[:, 0]
    offsets = functional.pad(mask.sum(1).cumsum(0), (1, 0))
    positions = (mask.cumsum(1) - 1).flatten()[places]
    grouped = ((), places, places, places) if mask.is_cuda else _groups(lengths, offsets, heads)
    return Layout(places, positions, offsets, *grouped, max(lengths), heads)


def _groups(
    lengths: Sequence[int], offsets: Tensor, heads: int
) -> tuple[tuple[LengthGroup, ...], Tensor, Tensor, Tensor]:
    """The groups of a layout, and its `out`, `back` and `empty`."""
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    counts, head = torch.tensor(lengths), torch.arange(heads)[:, None]
    groups, out, every = list[LengthGroup](), list[Tensor](), list[Tensor]()
    for texts in _similar(order, lengths):
        longest, chosen = lengths[texts[0]], torch.tensor(texts)[:, None, None]
        steps = torch.arange(longest)
        real = (steps < counts[chosen]).expand(-1, heads, -1)
        rows = offsets[chosen] + torch.where(real, steps, 0)
        out.append((rows * heads + head).flatten())
        every.append(real.flatten())
        padded = lengths[texts[-1]] < longest
        bias = torch.zeros(real.shape).masked_fill(~real, float("-inf")).view(-1, 1, longest)
        groups.append(LengthGroup(len(texts), longest, bias if padded else None))
    taken, real = torch.cat(out), torch.cat(every)
    inside = real.nonzero()[:, 0]
    back = torch.empty_like(inside)
    back[taken[inside]] = inside
    return tuple(groups), taken, back, (~real).nonzero()[:, 0]


def _similar(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """The texts, longest first, in groups of similar length."""
    group: list[int] = []
    for text in order:
        if group and lengths[text] < SIMILAR_LENGTH * lengths[group[0]]:
            yield group
            group = []
        group.append(text)
    yield group


def uses_packing(model: PreTrainedModel) -> bool:
    """Whether the model can read packed batches."""
    return model.config.model_type in FAMILIES and not model.config.is_decoder


def last_block(block: nn.Module, hidden: Tensor, places: Tensor, layout: Layout) -> Tensor:
    """[1, n, width] → [1, k, width]: a block's output at some places alone.

    All sub-words are attended to, but what follows attention is computed for the places only.
    """
    attention = block.get_submodule("attention")
    found, _ = attention.get_submodule("self")(hidden, layout=layout)
    attended = attention.get_submodule("output")(found[:, places], hidden[:, places])
    inner = block.get_submodule("intermediate")(attended)
    output: Tensor = block.get_submodule("output")(inner, attended)
    return output


def first_position(model: PreTrainedModel) -> int:
    """The number of a text's first position; RoBERTa's family counts from after the padding id."""
    positions = cast("nn.Embedding", model.get_submodule("embeddings.position_embeddings"))
    return 0 if positions.padding_idx is None else positions.padding_idx + 1
