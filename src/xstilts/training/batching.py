"""Features as padded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xstilts.formats.base import Feature
from xstilts.formats.feature_store import lengths, text_counts


@dataclass(frozen=True)
class Batch:
    """Sub-word ids, mask (1: real) and segment ids of the features' texts, each [n, t]."""

    ids: Tensor
    mask: Tensor
    types: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(self.ids.to(device), self.mask.to(device), self.types.to(device))


def collate(features: Sequence[Feature], padding: int) -> Batch:
    """The features' texts, one row each, padded to the longest of them."""
    texts = [text for feature in features for text in feature.texts]
    shape = (len(texts), max(len(text.ids) for text in texts))
    ids = torch.full(shape, padding)
    mask, types = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for row, text in enumerate(texts):
        length = len(text.ids)
        ids[row, :length] = torch.tensor(text.ids)
        types[row, :length] = torch.tensor(text.types)
        mask[row, :length] = 1
    return Batch(ids, mask, types)


def by_length(features: Sequence[Feature], tokens: int) -> Iterator[list[int]]:
    """Positions of the features in batches of similar length, the longest first.

    Args:
        tokens: most sub-words in a batch, padding included; one feature always fits.
    """
    longest, texts = lengths(features).tolist(), text_counts(features).tolist()
    batch: list[int] = []
    rows = 0
    for place in sorted(range(len(features)), key=lambda place: (-longest[place], place)):
        if batch and (rows + texts[place]) * longest[batch[0]] > tokens:
            yield batch
            batch, rows = [], 0
        batch.append(place)
        rows += texts[place]
    if batch:
        yield batch


def length_groups(sizes: Sequence[int], count: int) -> Iterator[list[int]]:
    """Places by size, the largest first, in parts of about as much in sum each; at most `count`."""
    part, held, left = list[int](), 0, sum(sizes)
    for place in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        if part and held + sizes[place] / 2 > left / count:  # more of it would lie beyond
            yield part
            part, held, left, count = [], 0, left - held, count - 1
        part.append(place)
        held += sizes[place]
    yield part
