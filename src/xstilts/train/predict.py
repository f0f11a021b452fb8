"""Predictions and embeddings: one pass over length-sorted batches.

Without gradients, but not in torch's inference mode, which nested tensors do not bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xstilts.formats import TRAINED
from xstilts.formats.base import Feature, Reading, TrainedFormat
from xstilts.formats.pooling import pool
from xstilts.models.encoder import Encoder
from xstilts.models.transfer import TransferModel
from xstilts.train.batching import by_length, collate
from xstilts.train.precision import EVALUATION, computing

TOKENS = {"cpu": 2048, "cuda": 65_536}
"""Sub-words per evaluation batch; changes speed and memory, not what is predicted."""


@computing(EVALUATION)
@torch.no_grad()
def predict(
    model: TransferModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    labels: Sequence[str],
    padding: int,
    reading: Reading,
    tokens: int | None = None,
) -> list[Any]:
    """One prediction per example, in the order of the features."""
    model.eval()
    form = TRAINED.get(kind)
    device = model.encoder.table.device
    found: list[Any] = [None] * len(features)
    for batch_places in by_length(features, tokens or budget(device)):
        chosen = [features[place] for place in batch_places]
        batch = collate(chosen, padding).to(device)
        places = read_places(form, chosen, device)
        logits = model(task, batch.ids, batch.mask, batch.types, places)
        scored = logits if form.tied else logits.float().cpu()
        predicted = form.predictions(scored, chosen, labels, reading)
        for place, prediction in zip(batch_places, predicted, strict=True):
            found[place] = prediction
    return form.merged(features, found, labels, reading)


def budget(device: torch.device) -> int:
    """Sub-words per evaluation batch on a device."""
    return TOKENS.get(device.type, TOKENS["cpu"])


def read_places(
    form: TrainedFormat, features: Sequence[Feature], device: torch.device
) -> Tensor | None:
    """[b, t] the only sub-words of a batch that its head must read, if the format knows them."""
    found = form.places(features, max(f.longest for f in features))
    return None if found is None else found.to(device)


@computing(EVALUATION)
@torch.no_grad()
def embed(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    ways: Sequence[tuple[int, str]],
    tokens: int | None = None,
) -> dict[tuple[int, str], NDArray[np.float32]]:
    """Way (layer, pooling) → [n, width] one vector per feature, in the order of the features.

    All ways are read off one pass of the encoder, up to the last block that one needs.
    """
    encoder.eval()
    device = encoder.table.device
    shape = (len(features), encoder.width)
    vectors = {way: np.zeros(shape, dtype=np.float32) for way in ways}
    with encoder.shortened(max(layer for layer, _ in ways)):
        for places in by_length(features, tokens or budget(device)):
            batch = collate([features[place] for place in places], padding).to(device)
            states = encoder.states(batch.ids, batch.mask, batch.types)
            for (layer, pooling), found in vectors.items():
                found[places] = pool(states[layer], batch.mask, pooling).float().cpu().numpy()
    return vectors


@computing(EVALUATION)
@torch.no_grad()
def embed_words(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    layer: int,
    tokens: int | None = None,
) -> NDArray[np.float32]:
    """[words, width] the states of the words' first sub-words, in the order of the features.

    Words that were cut off have none.
    """
    encoder.eval()
    device = encoder.table.device
    found: list[NDArray[np.float32]] = [np.zeros((0, encoder.width), np.float32)] * len(features)
    with encoder.shortened(layer):
        for places in by_length(features, tokens or budget(device)):
            chosen = [features[place] for place in places]
            batch = collate(chosen, padding).to(device)
            states = encoder.states(batch.ids, batch.mask, batch.types)[layer]
            for row, (place, feature) in enumerate(zip(places, chosen, strict=True)):
                starts = [start for start in feature.words if start >= 0]
                found[place] = states[row, starts].float().cpu().numpy()
    return np.concatenate(found)
