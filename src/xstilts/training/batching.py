"""Padded batches of features, and batches of similar length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from xstilts.formats.base import Feature
from xstilts.formats.feature_store import lengths, text_counts

if TYPE_CHECKING:
    from xstilts.formats.base import Subwords


@dataclass(frozen=True)
class Batch:
    """The texts and images of some features.

    Args:
        ids, mask, types: [n, t] token ids, mask (1: real) and segment ids of the texts.
        images: [b, k, p, w] states of the images; None without images.
    """

    ids: Tensor
    mask: Tensor
    types: Tensor
    images: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """Move the batch to a device."""
        images = None if self.images is None else self.images.to(device)
        return Batch(self.ids.to(device), self.mask.to(device), self.types.to(device), images)


def collate(features: Sequence[Feature], padding: int) -> Batch:
    """Return the texts of features, one per row, padded to the longest with the id `padding`."""
    texts = [text for feature in features for text in feature.texts]
    sizes = torch.tensor([len(text.ids) for text in texts])
    real = torch.arange(int(sizes.max())) < sizes[:, None]
    ids, types = torch.full(real.shape, padding), torch.zeros(real.shape, dtype=torch.long)
    ids[real] = _joined(text.ids for text in texts)
    types[real] = _joined(text.types for text in texts)
    return Batch(ids, real.long(), types, _images(features))


def _joined(parts: Iterable[Subwords]) -> Tensor:
    """The numbers of all parts in one tensor."""
    return torch.from_numpy(np.concatenate([np.asarray(part, np.int64) for part in parts]))


def _images(features: Sequence[Feature]) -> Tensor | None:
    """[b, k, p, w] the states of the images of features."""
    images = [feature.images for feature in features if feature.images is not None]
    return torch.from_numpy(np.stack(images)) if images else None


def by_length(features: Sequence[Feature], tokens: int) -> Iterator[list[int]]:
    """Yield indices of features in batches of similar length, longest first.

    Args:
        tokens: maximum number of tokens in a batch, including padding; a batch has at least one
            feature.
    """
    longest, texts = lengths(features).tolist(), text_counts(features).tolist()
    batch: list[int] = []
    rows = 0
    for index in descending(longest):
        if batch and (rows + texts[index]) * longest[batch[0]] > tokens:
            yield batch
            batch, rows = [], 0
        batch.append(index)
        rows += texts[index]
    if batch:
        yield batch


def descending(sizes: Sequence[int]) -> list[int]:
    """Indices by descending size, ties in order; without a Python object per key."""
    order: list[int] = np.argsort(-np.asarray(sizes, dtype=np.int64), kind="stable").tolist()
    return order


def length_groups(sizes: Sequence[int], count: int) -> Iterator[list[int]]:
    """Yield indices by descending size, in at most `count` groups of about equal total size."""
    group, total, remaining = list[int](), 0, sum(sizes)
    for index in descending(sizes):
        if group and total + sizes[index] / 2 > remaining / count:  # most of it would be in excess
            yield group
            group, total, remaining, count = [], 0, remaining - total, count - 1
        group.append(index)
        total += sizes[index]
    yield group
