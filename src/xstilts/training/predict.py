"""Predictions and embeddings: one pass over length-sorted batches.

On a CPU each of the cores that are allowed takes the next batch. No gradients are kept, but not
in torch's inference mode, which nested tensors do not bear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xstilts.core.cpu import parallel_map
from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import lengths, text_counts
from xstilts.formats.spec import TrainingSpec
from xstilts.models.encoder import Encoder
from xstilts.models.pooling import pool
from xstilts.training.batching import Batch, by_length, collate, length_groups
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import EVALUATION, tf32_context

Found = TypeVar("Found")
TOKENS = {"cpu": 1024, "cuda": 65_536}
"""Sub-words per evaluation batch; changes speed and memory, not what is predicted."""
HALVES = 512
"""So many sub-words are worth a second core."""


@tf32_context(EVALUATION)
def predict(
    model: MultiTaskModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    labels: Sequence[str],
    padding: int,
    reading: TokenizationConfig,
    tokens: int | None = None,
) -> list[Any]:
    """One prediction per example, in the order of the features."""
    model.eval()
    form = training_of(kind)
    device = model.encoder.embeddings.device

    def predicted(chosen: Sequence[Feature], batch: Batch) -> list[Any]:
        places = read_positions(form, chosen, device)
        logits = model(task, batch.ids, batch.mask, batch.types, places)
        scored = logits if form.tied else logits.float().cpu()
        return form.predictions(scored, chosen, labels, reading)

    found: list[Any] = [None] * len(features)
    for batch_places, some in read_batches(model.encoder, features, padding, tokens, predicted):
        for place, prediction in zip(batch_places, some, strict=True):
            found[place] = prediction
    return form.aggregate(features, found, labels, reading)


def read_batches(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    tokens: int | None,
    read: Callable[[Sequence[Feature], Batch], Found],
) -> Iterator[tuple[list[int], Found]]:
    """The features' places batch by batch, and what is read of each without gradients.

    Args:
        read: may be called in several threads at once.
    """
    device = encoder.embeddings.device
    batches = list(_batches(encoder, features, tokens or _budget(device)))

    @torch.no_grad()  # a thread does not know of it otherwise
    def one(places: list[int]) -> Found:
        chosen = [features[place] for place in places]
        return read(chosen, collate(chosen, padding).to(device))

    results: Iterable[Found] = (
        parallel_map(one, batches) if encoder.thread_safe else map(one, batches)
    )
    return zip(batches, results, strict=True)


def _batches(encoder: Encoder, features: Sequence[Feature], tokens: int) -> Iterator[list[int]]:
    """Places by length; where cores may share them in like batches of about so many sub-words.

    These are even in number, as far as the features can be divided so.
    """
    if not (encoder.thread_safe and features):
        return by_length(features, tokens)
    sizes = (lengths(features) * text_counts(features)).tolist()
    count = -(-sum(sizes) // tokens)
    return length_groups(sizes, count + count % 2 if sum(sizes) >= min(HALVES, tokens) else 1)


def _budget(device: torch.device) -> int:
    """Sub-words per evaluation batch on a device."""
    return TOKENS.get(device.type, TOKENS["cpu"])


def read_positions(
    form: TrainingSpec, features: Sequence[Feature], device: torch.device
) -> Tensor | None:
    """[b, t] the only sub-words of a batch that its head must read, if the format knows them."""
    found = form.positions(features, max(f.max_tokens for f in features))
    return None if found is None else found.to(device)


@tf32_context(EVALUATION)
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
    blocks = max(layer for layer, _ in ways)

    def pooled(_: Sequence[Feature], batch: Batch) -> dict[tuple[int, str], NDArray[np.float32]]:
        states = encoder.hidden_states(batch.ids, batch.mask, batch.types, blocks)
        return {
            (layer, pooling): pool(states[layer], batch.mask, pooling).float().cpu().numpy()
            for layer, pooling in ways
        }

    shape = (len(features), encoder.width)
    vectors = {way: np.zeros(shape, dtype=np.float32) for way in ways}
    for places, some in read_batches(encoder, features, padding, tokens, pooled):
        for way, found in some.items():
            vectors[way][places] = found
    return vectors


@tf32_context(EVALUATION)
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

    def words(chosen: Sequence[Feature], batch: Batch) -> list[NDArray[np.float32]]:
        states = encoder.hidden_states(batch.ids, batch.mask, batch.types, layer)[layer]
        starts = ([start for start in feature.words if start >= 0] for feature in chosen)
        return [row[kept].float().cpu().numpy() for row, kept in zip(states, starts, strict=True)]

    found: list[NDArray[np.float32]] = [np.zeros((0, encoder.width), np.float32)] * len(features)
    for places, some in read_batches(encoder, features, padding, tokens, words):
        for place, states in zip(places, some, strict=True):
            found[place] = states
    return np.concatenate(found)
