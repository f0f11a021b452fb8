"""Predictions and embeddings in one pass over length-sorted batches.

On a CPU the available cores process batches in parallel. Gradients are disabled by `no_grad`,
because torch's inference mode does not support nested tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from xstilts.core.cpu import parallel_map
from xstilts.core.errors import EncoderError
from xstilts.core.fault_injection import fault
from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import lengths, text_counts
from xstilts.formats.training_spec import Aggregate, TrainingSpec
from xstilts.models.defined_logits import UndefinedLogits, check_defined
from xstilts.models.encoder import Encoder
from xstilts.models.pooling import pool
from xstilts.training.batching import Batch, by_length, collate, length_groups
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.out_of_memory import BatchReader
from xstilts.training.precision import EVALUATION, Precision, autocast_context, tf32_context
from xstilts.training.process_group import SINGLE, ProcessGroup

Result = TypeVar("Result")
Read = Callable[[Any, Sequence[Feature], Sequence[str], TokenizationConfig], list[Any]]
"""(logits, features, labels, config) → one prediction per feature."""
ALL = slice(None)
TOKENS = {"cpu": 1024, "cuda": 65_536}
"""Tokens per evaluation batch; affects speed and memory, not predictions."""
MIN_PARALLEL_TOKENS = 512
"""Minimum number of tokens for which a second core is faster."""


class UndefinedOutputs(EncoderError):
    """A model whose logits for some examples are NaN or infinity.

    Args:
        task: that it was to predict.
    """

    def __init__(self, task: str, where: str | None = None) -> None:
        super().__init__(
            f"some outputs of the model for {task} are NaN or infinity: no predictions",
            where=where,
            todo="its training diverged, or its numbers are too large for bf16 or fp16: train it "
            "with a lower learning rate, or train and predict in fp32",
        )


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
    aggregate: Aggregate | None = None,
    group: ProcessGroup = SINGLE,
    precision: Precision = EVALUATION,
    with_probabilities: bool = False,
) -> Sequence[Any]:
    """Return one prediction per example, in the order of the features.

    Batches are the same for any number of processes, and so are predictions.

    Args:
        tokens: maximum number of tokens per batch; a default for the device if None.
        aggregate: from predictions per feature to one per example; that of the format if None.
        group: processes with the same model that share the batches.
        precision: of the model's products.
        with_probabilities: predictions as `PredictedClass`es, where the format has probabilities.

    Raises:
        UndefinedOutputs: some logits are NaN or infinity; in every process of the group.
    """
    model.eval()
    training = training_of(kind)
    device = model.encoder.embeddings.device
    read = training.answers if with_probabilities else training.predictions

    def predicted(chosen: Sequence[Feature], batch: Batch) -> list[Any]:
        positions = read_positions(training, chosen, device)
        with autocast_context(precision, device):
            logits = model(task, batch.ids, batch.mask, batch.types, positions, batch.images)
        return answered(read, logits, positions, chosen, labels, reading)

    result = training.empty_predictions(features)
    own = slice(group.rank, None, group.size)
    batches = read_batches(model.encoder, features, padding, tokens, predicted, own)
    for indices, predictions in of_all_processes(group, batches):
        set_predictions(result, indices, predictions, task)
    return (aggregate or training.aggregate)(features, result, labels, reading)


def answered(
    read: Read,
    logits: Any,
    positions: Tensor | None,
    chosen: Sequence[Feature],
    labels: Sequence[str],
    reading: TokenizationConfig,
) -> list[Any]:
    """One prediction per feature; None for each if some logits are NaN or infinity.

    Args:
        logits: a tensor, or `TiedLogits`.
        positions: [b, t] boolean, the tokens whose logits are read; None for all.
    """
    try:
        if isinstance(logits, Tensor):
            logits = logits.float().cpu()
            check_defined(logits if positions is None else logits[positions.cpu()])
        return read(logits, chosen, labels, reading)
    except UndefinedLogits:  # not raised: the other processes wait for this batch
        return [None] * len(chosen)


def set_predictions(
    result: Any, indices: Sequence[int], predictions: Sequence[Any], task: str
) -> None:
    """Set the predictions of some features.

    Raises:
        UndefinedOutputs: one is None, see `answered`.
    """
    for index, prediction in zip(indices, predictions, strict=True):
        if prediction is None:
            raise UndefinedOutputs(task)
        result[index] = prediction


def of_all_processes(group: ProcessGroup, parts: Iterable[Result]) -> Iterable[Result]:
    """The parts of this process and of all others."""
    return parts if group.size == 1 else chain.from_iterable(group.gather(list(parts)))


def read_batches(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    tokens: int | None,
    read: Callable[[Sequence[Feature], Batch], Result],
    chosen_batches: slice = ALL,
) -> Iterator[tuple[list[int], Result]]:
    """Yield the indices of the features of each batch, and the result of `read` without gradients.

    A batch that does not fit into memory is read in parts.

    Args:
        tokens: maximum number of tokens per batch; a default for the device if None.
        read: can be called in several threads at once.
        chosen_batches: by their number; all by default.
    """
    device = encoder.embeddings.device
    by_size = _batches(encoder, features, tokens or _budget(device))
    batches = [np.array(batch, dtype=np.int32) for batch in by_size][chosen_batches]

    @torch.no_grad()  # here, because the setting is per thread
    def read_part(indices: list[int]) -> Result:
        fault("evaluate.batch")
        chosen = [features[index] for index in indices]
        return read(chosen, collate(chosen, padding).to(device))

    reader = BatchReader()

    def read_batch(batch: NDArray[np.int32]) -> list[tuple[list[int], Result]]:
        return reader.read(read_part, batch.tolist())

    results: Iterable[list[tuple[list[int], Result]]] = (
        parallel_map(read_batch, batches) if encoder.thread_safe else map(read_batch, batches)
    )
    return chain.from_iterable(results)


def _batches(encoder: Encoder, features: Sequence[Feature], tokens: int) -> Iterator[list[int]]:
    """Yield indices by length; for several cores in an even number of batches of similar size."""
    if not (encoder.thread_safe and features):
        return by_length(features, tokens)
    sizes = (lengths(features) * text_counts(features)).tolist()
    count = -(-sum(sizes) // tokens)
    return length_groups(
        sizes, count + count % 2 if sum(sizes) >= min(MIN_PARALLEL_TOKENS, tokens) else 1
    )


def _budget(device: torch.device) -> int:
    """Return the number of tokens per evaluation batch on a device."""
    return TOKENS.get(device.type, TOKENS["cpu"])


def read_positions(
    training: TrainingSpec, features: Sequence[Feature], device: torch.device
) -> Tensor | None:
    """Return the tokens whose states the head needs, [b, t] boolean; None for all."""
    positions = training.positions(features, max(feature.max_tokens for feature in features))
    return None if positions is None else positions.to(device)


@tf32_context(EVALUATION)
def embed(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    outputs: Sequence[tuple[int, str]],
    tokens: int | None = None,
    *,
    final_norm: bool = False,
    precision: Precision = EVALUATION,
) -> dict[tuple[int, str], NDArray[np.float32]]:
    """Embed features in one pass of the encoder, up to the highest layer.

    Args:
        outputs: (layer, pooling) pairs.
        final_norm: apply the norm after the last block to earlier layers; the last has it.
        precision: of the encoder's products; norms, pooling and projections are in fp32.

    Returns:
        (layer, pooling) → vectors [n, width] in the order of the features; those of text sides of
        image-text models are projected, see `Encoder.projection`.
    """
    encoder.eval()
    last_layer = max(layer for layer, _ in outputs)
    depth = int(encoder.model.config.num_hidden_layers)

    def normed(states: Tensor, layer: int) -> Tensor:
        normalised: Tensor = encoder.final_norm(states) if final_norm and layer < depth else states
        return normalised

    def pooled(_: Sequence[Feature], batch: Batch) -> dict[tuple[int, str], NDArray[np.float32]]:
        with autocast_context(precision, batch.ids.device):
            states = encoder.hidden_states(batch.ids, batch.mask, batch.types, last_layer)
        vectors = {
            (layer, pooling): pool(normed(states[layer].float(), layer), batch.mask, pooling)
            for layer, pooling in outputs
        }
        for output in outputs:
            if projection := encoder.projection(*output):
                vectors[output] = projection(vectors[output])
        return {output: rows.float().cpu().numpy() for output, rows in vectors.items()}

    vectors = {
        output: np.zeros((len(features), encoder.vector_width(*output)), dtype=np.float32)
        for output in outputs
    }
    for indices, batch_vectors in read_batches(encoder, features, padding, tokens, pooled):
        for output, rows in batch_vectors.items():
            vectors[output][indices] = rows
    return vectors


@tf32_context(EVALUATION)
def embed_words(
    encoder: Encoder,
    features: Sequence[Feature],
    padding: int,
    layer: int,
    tokens: int | None = None,
) -> NDArray[np.float32]:
    """Return the states of the first token of each word, [words, width], in order.

    Truncated words are omitted.
    """
    encoder.eval()

    def words(chosen: Sequence[Feature], batch: Batch) -> list[NDArray[np.float32]]:
        states = encoder.hidden_states(batch.ids, batch.mask, batch.types, layer)[layer]
        starts = ([start for start in feature.words if start >= 0] for feature in chosen)
        return [row[kept].float().cpu().numpy() for row, kept in zip(states, starts, strict=True)]

    result: list[NDArray[np.float32]] = [np.zeros((0, encoder.width), np.float32)] * len(features)
    for indices, batch_states in read_batches(encoder, features, padding, tokens, words):
        for index, states in zip(indices, batch_states, strict=True):
            result[index] = states
    return np.concatenate(result)
