"""The vocabulary view: train only the embedding rows of tokens that occur in a stage's data.

The gradient of the embedding of a token that does not occur is zero. Under AdamW with decoupled
decay (Loshchilov & Hutter 2019) its moments remain zero and each step only multiplies it by
1 - learning rate × decay. The product of these factors therefore determines all other rows of
full training, and the optimizer does not need them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainedRows:
    """The change of an embedding matrix by training.

    Args:
        ids: [v] sorted vocabulary ids of the trained rows.
        weight: [v, d] the trained rows.
        decay: factor by which weight decay multiplied every other row.
    """

    ids: Tensor
    weight: Tensor
    decay: float

    def apply(self, rows: Tensor, ids: Tensor) -> Tensor:
        """Return the rows [n, d] of sorted ids [n] after training, given the pretrained rows."""
        rows = rows * self.decay if self.decay != 1 else rows.clone()
        if len(self.ids):
            index = torch.searchsorted(self.ids, ids).clamp(max=len(self.ids) - 1)
            trained = self.ids[index] == ids
            rows[trained] = self.weight[index[trained]]
        return rows

    def compose(self, ids: Tensor, weight: Tensor, decay: float) -> TrainedRows:
        """Return the change after further training.

        Args:
            ids, weight: [n], [n, d] the rows of the further training.
            decay: its factor for all other rows.
        """
        union = torch.unique(torch.cat([self.ids, ids]))
        rows = torch.empty(len(union), weight.shape[1])
        rows[torch.searchsorted(union, self.ids)] = self.weight * decay
        rows[torch.searchsorted(union, ids)] = weight
        return TrainedRows(union, rows, self.decay * decay)


def used_ids(
    texts: Iterable[Iterable[int]], padding: int, *, keeps_padding_id: bool = True
) -> Tensor:
    """Return the sorted vocabulary ids that occur in the texts, and the padding id.

    Args:
        keeps_padding_id: also return all ids below the padding id, so that it is the same in the
            view: the RoBERTa family derives position ids from it.
    """
    occurring = {token for text in texts for token in text}
    always = range(padding + 1) if keeps_padding_id else (padding,)
    return torch.tensor(sorted(occurring.union(always)), dtype=torch.long)


def index_in_view(ids: Tensor, token: int | None) -> int | None:
    """Return the row of a vocabulary id in a view of sorted ids; None if it is not in view."""
    if token is None:
        return None
    row = int(torch.searchsorted(ids, token))
    return row if row < len(ids) and int(ids[row]) == token else None
