"""Encoders without padding: the sub-words of a batch in one row, attention text by text.

Everything in a Transformer but attention looks at one sub-word at a time. So the batch is read
as one long row of its real sub-words, and only attention is told where a text ends. The results
are those of the padded batch, without the work on padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel

from xstilts.models.dropout import dropout

NAME = "xstilts-packed"
FAMILIES = frozenset({"bert", "roberta", "xlm-roberta", "camembert"})
"""Model types whose blocks hand `layout` on to the attention function; others are padded."""
SIMILAR = 0.75
"""Texts at least this share of the longest are attended to together, padded to it."""


@dataclass(frozen=True)
class Group:
    """Texts of similar length, for which attention is computed in one go.

    Args:
        texts, longest: their number m, and sub-words t of the longest.
        real: [m, 1, 1, t] where there is no padding; None if nowhere.
    """

    texts: int
    longest: int
    real: Tensor | None


@dataclass(frozen=True)
class Layout:
    """Where the texts of a packed batch lie.

    Args:
        places: [n] of the real sub-words in the padded batch, flattened.
        positions: [n] of each sub-word in its text, from 0.
        offsets: [texts + 1] where each text starts in the row.
        groups: none on a GPU, whose kernels need none; nor `out` and `back` then.
        out: [p] rows to take so that the groups' texts, padded, lie one after the other.
        back: [n] rows of these to take so that the packed row is there again.
    """

    places: Tensor
    positions: Tensor
    offsets: Tensor
    groups: tuple[Group, ...]
    out: Tensor
    back: Tensor
    longest: int


def layout_of(mask: Tensor) -> Layout:
    """The layout of a batch padded at the end, given its mask [b, t] (1: real)."""
    lengths = mask.sum(1).tolist()
    places = mask.flatten().nonzero()[:, 0]
    offsets = functional.pad(mask.sum(1).cumsum(0), (1, 0))
    positions = (mask.cumsum(1) - 1).flatten()[places]
    grouped = ((), places, places) if mask.is_cuda else _groups(mask, lengths, offsets)
    return Layout(places, positions, offsets, *grouped, max(lengths))


def _groups(
    mask: Tensor, lengths: Sequence[int], offsets: Tensor
) -> tuple[tuple[Group, ...], Tensor, Tensor]:
    """The groups of a layout, and its `out` and `back`."""
    order = sorted(range(len(lengths)), key=lambda text: -lengths[text])
    groups, out, back = list[Group](), list[Tensor](), mask.new_empty(sum(lengths))
    done = 0
    for texts in _similar(order, lengths):
        longest = lengths[texts[0]]
        chosen = torch.tensor(texts, device=mask.device)
        steps = torch.arange(longest, device=mask.device)
        real = steps < mask.sum(1)[chosen, None]
        rows = torch.where(real, offsets[chosen, None] + steps, offsets[chosen, None]).flatten()
        inside = real.flatten().nonzero()[:, 0]
        back[rows[inside]] = inside + done
        done += len(rows)
        out.append(rows)
        whole = lengths[texts[-1]] == longest
        groups.append(Group(len(texts), longest, None if whole else real[:, None, None]))
    return tuple(groups), torch.cat(out), back


def _similar(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """The texts, longest first, in groups of similar length."""
    group: list[int] = []
    for text in order:
        if group and lengths[text] < SIMILAR * lengths[group[0]]:
            yield group
            group = []
        group.append(text)
    yield group


def packs(model: PreTrainedModel) -> bool:
    """Whether the model can read packed batches."""
    return model.config.model_type in FAMILIES and not model.config.is_decoder


def first_position(model: PreTrainedModel) -> int:
    """The number of a text's first position; RoBERTa's family counts from after the padding id."""
    positions = cast("nn.Embedding", model.get_submodule("embeddings.position_embeddings"))
    return 0 if positions.padding_idx is None else positions.padding_idx + 1


def attend(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    **settings: Any,
) -> tuple[Tensor, None]:
    """Attention inside each text: [1, heads, n, d] thrice → [1, n, heads, d].

    An attention function as transformers' AttentionInterface wants it.
    """
    share = float(settings.get("dropout", 0.0))
    rows = tuple(part[0].transpose(0, 1) for part in (query, key, value))
    way = _jagged if query.is_cuda else _grouped
    return way(rows, layout, scaling, share)[None], None


def _grouped(rows: Sequence[Tensor], layout: Layout, scaling: float | None, share: float) -> Tensor:
    """Group by group, each padded to its longest text: for a CPU."""
    spread = [part.index_select(0, layout.out) for part in rows]
    found, start = list[Tensor](), 0
    for group in layout.groups:
        end = start + group.texts * group.longest
        shape = (group.texts, group.longest, *spread[0].shape[1:])
        query, key, value = (part[start:end].view(shape).transpose(1, 2) for part in spread)
        result = _attention(query, key, value, group.real, scaling, share)
        found.append(result.transpose(1, 2).flatten(0, 1))
        start = end
    return torch.cat(found).index_select(0, layout.back)


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    real: Tensor | None,
    scaling: float | None,
    share: float,
) -> Tensor:
    """[m, heads, t, d] thrice → the same; torch's own unless it would have to drop weights."""
    if not share:
        return functional.scaled_dot_product_attention(
            query, key, value, attn_mask=real, scale=scaling
        )
    scores = (query * (scaling or query.shape[-1] ** -0.5)) @ key.transpose(2, 3)
    if real is not None:
        scores = scores.masked_fill(~real, float("-inf"))
    return dropout(scores.softmax(-1), share) @ value


def _jagged(rows: Sequence[Tensor], layout: Layout, scaling: float | None, share: float) -> Tensor:
    """Without any padding, by torch's kernels for nested tensors: for a GPU."""
    query, key, value = (
        torch.nested.nested_tensor_from_jagged(
            part.contiguous(), layout.offsets, min_seqlen=1, max_seqlen=layout.longest
        ).transpose(1, 2)
        for part in rows
    )
    found = functional.scaled_dot_product_attention(
        query, key, value, dropout_p=share, scale=scaling
    )
    values: Tensor = found.transpose(1, 2).values()
    return values


AttentionInterface.register(NAME, attend)
