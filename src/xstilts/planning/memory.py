"""Estimated peak memory of trainings and evaluations, before they run.

Four bytes per weight for the model and for its gradients, eight for AdamW's moments, four for the
best model (on a CPU), and the activations of the blocks that the backward pass needs: per sub-word
and block, 18 vectors of the model's width in fp32 (the inputs of matrix products, GELU, dropout
masks, LayerNorms), or 38 bytes per dimension in bf16 (Korthikanti et al. 2022: 34), and on a CPU
the attention weights of every head with their dropout mask. On a CPU, packed batches are computed
in shards, one per core, which share the gradients; each can hold its largest, that of the
embeddings. `bench/memory_estimate.py` compares the estimate with measurements.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from xstilts.models.encoder_defaults import EncoderDefaults
from xstilts.planning.cost import block_weights

PROCESS = 500_000_000
"""Bytes of a worker with its libraries, or of CUDA's context and libraries on a GPU."""
FP32, BF16 = 72, 38
"""Bytes of activations per dimension of the width, for a sub-word and block."""
FORWARD = 48
"""The same without gradients, for one block at a time, in fp32."""
SHARD, PARALLEL = 700, 1024
"""Sub-words of a shard on a CPU, and the smallest batch that is split into shards."""
LM_SHARD = 4 * SHARD
"""Sub-words of a shard of masked LM, of batches with more than two; others are halved."""
EVALUATED = {False: 1024, True: 65_536}
"""Sub-words of an evaluation batch, on a CPU and on a GPU."""
LONGEST = 2.0
"""The longest text of a padded batch, relative to the mean."""
LM_POSITIONS = {False: 256, True: 1024}
"""Masked positions whose logits exist at the same time, per core or on a GPU."""


@dataclass(frozen=True)
class Hardware:
    """What a worker computes on: a GPU, or some cores of a CPU."""

    gpu: bool = False
    cores: int = 1


@dataclass(frozen=True)
class Workload:
    """What a stage computes at a time.

    Args:
        tokens: sub-words of a batch, or of a slice of one; of an example in evaluation.
        length: sub-words of a text.
        rows: of the embedding matrix in view.
        packed: whether texts are packed without padding.
        bf16: whether products are in bf16.
        checkpointing: whether activations are recomputed in the backward pass.
        trained: number of trained weights if they are adapters, else None.
        masked_lm: whether masked sub-words are predicted.
    """

    tokens: float
    length: float
    rows: int
    packed: bool = True
    bf16: bool = False
    checkpointing: bool = False
    trained: int | None = None
    masked_lm: bool = False


def rows_in_view(tokens: float, vocabulary: int) -> int:
    """Return the expected number of distinct sub-words in texts.

    By Heaps' law with exponent 1/2; the factor is that of XNLI's English dev set, which has about
    130,000 sub-words, 5,998 of them distinct.
    """
    return min(vocabulary, round(17 * sqrt(tokens)))


def model_weights(encoder: EncoderDefaults, rows: int) -> int:
    """Weights in memory: blocks, embeddings in view, positions."""
    return block_weights(encoder) + (rows + (encoder.positions or 0)) * encoder.width


def training_memory(encoder: EncoderDefaults, work: Workload, hardware: Hardware) -> int:
    """Bytes of a training at its peak: of the GPU, or of the process on a CPU."""
    weights = model_weights(encoder, work.rows)
    trained = weights if work.trained is None else work.trained
    sharded = not hardware.gpu and work.packed and not work.checkpointing
    sharded = sharded and work.tokens >= PARALLEL
    cores = hardware.cores if sharded else 1
    tokens = min(work.tokens, cores * _shard(work)) if sharded else _computed_tokens(work)
    held = 4 * weights + 12 * trained  # gradients and moments
    held += 4 * min(trained, work.rows * encoder.width) * (cores - 1)  # the largest, of each core
    if not hardware.gpu:
        held += 4 * trained  # the best model
    if work.bf16:
        held += 2 * weights  # autocast's copies
    logits = 0
    if work.masked_lm:
        logits = 12 * LM_POSITIONS[hardware.gpu] * work.rows * cores
    return PROCESS + held + logits + round(tokens * _per_token(encoder, work, hardware))


def evaluation_memory(
    encoder: EncoderDefaults, work: Workload, hardware: Hardware, states: int = 1
) -> int:
    """Bytes of predictions or embeddings at their peak.

    Args:
        states: number of layers whose states are kept.
    """
    batch = EVALUATED[hardware.gpu] * (1 if hardware.gpu or not work.packed else hardware.cores)
    attention = 0 if hardware.gpu else 4 * heads(encoder) * work.length
    activations = round(batch * ((FORWARD + 4 * states) * encoder.width + attention))
    weights = 4 * model_weights(encoder, work.rows)
    if not hardware.gpu:
        activations = max(activations, weights)  # while weights are loaded, their file is in memory
    return PROCESS + weights + activations


def heads(encoder: EncoderDefaults) -> int:
    """Attention heads, of 64 dimensions in nearly all encoders."""
    return max(1, encoder.width // 64)


def _shard(work: Workload) -> float:
    """Sub-words of a shard on a CPU; see `training.data_parallel_cpu`."""
    return max(SHARD, min(work.tokens / 2, LM_SHARD)) if work.masked_lm else SHARD


def _computed_tokens(work: Workload) -> float:
    """Sub-words of a batch with its padding."""
    return work.tokens * (1 if work.packed else LONGEST)


def _per_token(encoder: EncoderDefaults, work: Workload, hardware: Hardware) -> float:
    """Bytes of activations per sub-word."""
    block = (BF16 if work.bf16 else FP32) * encoder.width
    if not hardware.gpu:
        block += round(8 * heads(encoder) * work.length)
    if work.checkpointing:
        return block + 4 * encoder.layers * encoder.width
    return block * encoder.layers
