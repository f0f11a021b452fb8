"""Features as padded tensors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from xstilts.formats.base import Feature


@dataclass(frozen=True)
class Batch:
    """Sub-word ids, mask (1: real) and segment ids of some features, each [b, t]."""

    ids: Tensor
    mask: Tensor
    types: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(self.ids.to(device), self.mask.to(device), self.types.to(device))


def collate(features: Sequence[Feature], padding: int) -> Batch:
    """The features padded to the longest of them."""
    shape = (len(features), max(len(feature.ids) for feature in features))
    ids = torch.full(shape, padding)
    mask, types = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    for row, feature in enumerate(features):
        length = len(feature.ids)
        ids[row, :length] = torch.tensor(feature.ids)
        types[row, :length] = torch.tensor(feature.types)
        mask[row, :length] = 1
    return Batch(ids, mask, types)


def by_length(features: Sequence[Feature], tokens: int) -> Iterator[list[int]]:
    """Positions of the features in batches of similar length, the longest first.

    Args:
        tokens: most sub-words in a batch, padding included; one feature always fits.
    """
    order = sorted(range(len(features)), key=lambda place: (-len(features[place].ids), place))
    batch: list[int] = []
    for place in order:
        longest = len(features[batch[0]].ids) if batch else 0
        if batch and (len(batch) + 1) * longest > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
