"""Estimated time, size and operations of stages, before any has run.

Time = floating point operations / rate. A forward pass takes 2 operations per weight of the
Transformer blocks and token, a training step three times that (twice with adapters: see
`planning.adapters`); a block has 12 width² weights. Masked language modelling also multiplies each
masked token with the embedding matrix, and a search each sentence with every one of the other
side. The products of attention are ignored: per token they are text length / (6 width) of a
block's, 3 % for 200 tokens and width 1024.

The initial rate is a conservative guess for one CPU core, which is calibrated per stage kind on the
finished stages of the store. The rate of a GPU is an assumption, see `TFLOPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from xstilts.core.plan import Plan, StageStatus
from xstilts.core.stage import Cost
from xstilts.models.encoder_defaults import EncoderDefaults

OPERATIONS_PER_SECOND = 60e9
TFLOPS = 100.0
"""Sustained rate of a data-centre GPU, in 10^12 operations per second.

An assumption for all precisions, not a measurement; `plan --tflops` changes it.
"""
PREPARE_SECONDS = 0.5
ROWS_TRANSLATED_PER_SECOND = 15
"""Rows of two sentences, with a small neural model on one core."""
ROW_BYTES = 100
TOUCHED_ROWS = 4000


def block_weights(defaults: EncoderDefaults) -> int:
    """Weights in the Transformer blocks."""
    return 12 * defaults.layers * defaults.width**2


def encoder_cost(defaults: EncoderDefaults) -> Cost:
    """Unpack and rewrite every weight once."""
    size = 4 * (block_weights(defaults) + defaults.vocabulary * defaults.width)
    return Cost(seconds=4 + size / 1e8, bytes=size)


def prepare_cost(rows: int) -> Cost:
    """Read one split of one language."""
    return Cost(seconds=PREPARE_SECONDS, bytes=ROW_BYTES * rows)


def translate_cost(rows: int) -> Cost:
    """Translate the texts of a split; a rough guess, because engines differ by a factor of 100."""
    return Cost(seconds=1 + rows / ROWS_TRANSLATED_PER_SECOND, bytes=ROW_BYTES * rows)


def train_cost(
    defaults: EncoderDefaults,
    tokens: float,
    steps: float,
    masked_tokens: float = 0.0,
    rows: int = TOUCHED_ROWS,
) -> Cost:
    """Forward and backward pass over the tokens, and the optimizer over all weights.

    Args:
        masked_tokens: number of tokens to predict in masked language modelling.
        rows: number of stored rows of the embedding matrix.
    """
    weights = block_weights(defaults)
    table = defaults.vocabulary * defaults.width
    operations = 6 * (weights * tokens + table * masked_tokens) + 60 * weights * steps
    size = 4 * (weights + rows * defaults.width)
    return computed_cost(operations, 1, size)


def forward_cost(defaults: EncoderDefaults, tokens: float, size: int) -> Cost:
    """One forward pass over the tokens, with a result of `size` bytes."""
    return computed_cost(2 * block_weights(defaults) * tokens, 0.2, size)


def search_cost(defaults: EncoderDefaults, here: int, english: int) -> Cost:
    """Compare all sentences of both sides by a matrix product."""
    return computed_cost(2.0 * here * english * defaults.width, 0.1, 20 * here)


def computed_cost(operations: float, more_seconds: float, size: int) -> Cost:
    """Time from operations, in addition to a fixed number of seconds."""
    return Cost(more_seconds + operations / OPERATIONS_PER_SECOND, size, operations)


def gpu_hours(operations: float, tflops: float = TFLOPS) -> float:
    """Hours of one GPU with a sustained rate of `tflops` × 10^12 operations per second."""
    return operations / (tflops * 1e12) / 3600


def sample_cost(rows: int) -> Cost:
    """Read rows or results of another stage, with negligible computation."""
    return Cost(0.05 + 2e-5 * rows, ROW_BYTES)


def gradient_cost(defaults: EncoderDefaults, tokens: float) -> Cost:
    """Forward and backward pass over the tokens of single examples, without an optimizer."""
    return computed_cost(
        6 * block_weights(defaults) * tokens, 1, 8 * defaults.layers * defaults.width
    )


def score_cost(rows: int) -> Cost:
    """Compare predictions with gold."""
    return Cost(0.01, ROW_BYTES * rows)


def calibration(plan: Plan, statuses: Mapping[str, StageStatus]) -> dict[str, float]:
    """Return stage kind → median of measured / expected seconds of finished stages."""
    ratios: dict[str, list[float]] = {}
    for stage in plan.stages:
        seconds = statuses[stage.key].seconds
        if seconds and stage.cost.seconds:
            ratios.setdefault(stage.kind, []).append(seconds / stage.cost.seconds)
    return {kind: median(values) for kind, values in ratios.items()}
