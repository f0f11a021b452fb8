"""Moments of training texts, for heads that compare texts with images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from xstilts.formats.base import Feature
from xstilts.models.fusion import FusionHead
from xstilts.models.pooling import pool
from xstilts.training.batching import Batch
from xstilts.training.multitask_model import MultiTaskModel, module_name
from xstilts.training.predict import read_batches
from xstilts.training.train_task import TrainTask

SAMPLE = 1000
"""Training texts that moments are computed of, in equal distances."""


def set_text_moments(model: MultiTaskModel, tasks: Sequence[TrainTask], padding: int) -> None:
    """Set the moments of the pooled training texts in all heads that centre texts.

    They are those of the encoder before the training, without dropout.
    """
    for task in tasks:
        head = model.heads[module_name(task.name)]
        if isinstance(head, FusionHead) and head.match is not None:
            texts = _pooled(model, task.train, padding, head.text_pooling)
            head.match.set_moments(texts)


def _pooled(
    model: MultiTaskModel, features: Sequence[Feature], padding: int, pooling: str
) -> Tensor:
    """[n, width] pooled texts of some features, evenly spaced."""
    encoder, count = model.encoder.eval(), min(SAMPLE, len(features))
    chosen = [
        replace(features[number * len(features) // count], images=None) for number in range(count)
    ]

    def read(_chosen: Sequence[Feature], batch: Batch) -> Tensor:
        return pool(encoder(batch.ids, batch.mask, batch.types), batch.mask, pooling).float()

    pooled = torch.zeros(count, encoder.width)
    for indices, vectors in read_batches(encoder, chosen, padding, None, read):
        pooled[indices] = vectors.cpu()
    return pooled
