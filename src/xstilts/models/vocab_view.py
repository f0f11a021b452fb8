"""The vocabulary view: train only the embedding rows that a stage's data uses.

An embedding row whose sub-word does not occur has gradient zero. Under AdamW with decoupled
decay (Loshchilov & Hutter 2019) its moments stay zero and each step only multiplies it by
1 - learning rate × decay. The product of these factors is therefore all that is needed to
know every untouched row of full training, and the optimizer can do without them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TrainedRows:
    """What training has done to an embedding matrix.

    Args:
        ids: [v] sorted vocabulary ids of the rows that were trained at any time.
        weight: [v, d] these rows.
        decay: the factor by which every other row has shrunk.
    """

    ids: Tensor
    weight: Tensor
    decay: float

    def apply(self, rows: Tensor, ids: Tensor) -> Tensor:
        """The rows of sorted ids [n] after training, given the pretrained ones [n, d]."""
        rows = rows * self.decay if self.decay != 1 else rows.clone()
        if len(self.ids):
            place = torch.searchsorted(self.ids, ids).clamp(max=len(self.ids) - 1)
            trained = self.ids[place] == ids
            rows[trained] = self.weight[place[trained]]
        return rows

    def compose(self, ids: Tensor, weight: Tensor, decay: float) -> TrainedRows:
        """This, followed by more training of the rows `ids`, the others shrinking by `decay`."""
        every = torch.unique(torch.cat([self.ids, ids]))
        rows = torch.empty(len(every), weight.shape[1])
        rows[torch.searchsorted(every, self.ids)] = self.weight * decay
        rows[torch.searchsorted(every, ids)] = weight
        return TrainedRows(every, rows, self.decay * decay)


def used_ids(texts: Iterable[Iterable[int]], padding: int) -> Tensor:
    """Sorted vocabulary ids that occur in the texts.

    The ids up to the padding id are always in, so that padding keeps its number: position
    embeddings of the RoBERTa family are counted by comparing ids with it.
    """
    found = {index for text in texts for index in text}
    return torch.tensor(sorted(found | set(range(padding + 1))), dtype=torch.long)
