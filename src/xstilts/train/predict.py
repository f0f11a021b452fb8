"""Predictions and embeddings: one pass over length-sorted batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts.formats import TRAINED
from xstilts.formats.base import Feature
from xstilts.formats.pooling import pool
from xstilts.models.encoder import Encoder
from xstilts.models.transfer import TransferModel
from xstilts.train.batching import by_length, collate

TOKENS = 2048
"""Sub-words per evaluation batch; changes speed and memory, not what is predicted."""


@torch.inference_mode()
def predict(
    model: TransferModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    labels: Sequence[str],
    padding: int,
    tokens: int = TOKENS,
) -> list[Any]:
    """One prediction per example, in the order of the features."""
    model.eval()
    device = model.encoder.table.device
    found: list[Any] = [None] * len(features)
    for places in by_length(features, tokens):
        chosen = [features[place] for place in places]
        batch = collate(chosen, padding).to(device)
        logits = model(task, batch.ids, batch.mask, batch.types)
        predicted = TRAINED.get(kind).predictions(logits.float().cpu(), chosen, labels)
        for place, prediction in zip(places, predicted, strict=True):
            found[place] = prediction
    return TRAINED.get(kind).merged(features, found, labels)


@torch.inference_mode()
def embed(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    layer: int,
    pooling: str,
    tokens: int = TOKENS,
) -> NDArray[np.float32]:
    """[n, width] one vector per feature, in the order of the features."""
    encoder.eval()
    device = encoder.table.device
    vectors = np.zeros((len(features), encoder.width), dtype=np.float32)
    for places in by_length(features, tokens):
        batch = collate([features[place] for place in places], padding).to(device)
        hidden = encoder(batch.ids, batch.mask, batch.types, layer=layer)
        vectors[places] = pool(hidden, batch.mask, pooling).float().cpu().numpy()
    return vectors
