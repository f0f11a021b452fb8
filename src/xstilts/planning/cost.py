"""What stages are expected to need, before any has run.

Time = floating point operations / rate. A forward pass takes 2 operations per weight of the
Transformer blocks and sub-word, a training step three times that; a block has 12 width²
weights. Masked language modelling also multiplies each sub-word that it predicts with the
embedding matrix, and a search each sentence with every one of the other side. Attention's own
products are left out: per sub-word they are texts' length / (6 width) of a block's, 3 % at 200
sub-words and width 1024.

On this machine the rate starts from a cautious guess for one CPU core and is replaced by what the
finished stages of the store needed, kind by kind. On a GPU it is an assumption, see `TFLOPS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

from xstilts.core.plan import Plan, StageStatus
from xstilts.core.stage import Cost
from xstilts.models.encoder_defaults import EncoderDefaults

OPERATIONS_PER_SECOND = 60e9
TFLOPS = 100.0
"""What one data-centre GPU is taken to sustain, in 10^12 operations per second.

An assumption, not a measurement, whatever the precision: `plan --tflops` takes another.
"""
PREPARE_SECONDS = 0.5
ROWS_TRANSLATED_PER_SECOND = 15
"""Two sentences each, at what a small neural model does on one core."""
ROW_BYTES = 100
TOUCHED_ROWS = 4000


def block_weights(habits: EncoderDefaults) -> int:
    """Weights in the Transformer blocks."""
    return 12 * habits.layers * habits.width**2


def encoder_cost(habits: EncoderDefaults) -> Cost:
    """Unpack and rewrite every weight once."""
    size = 4 * (block_weights(habits) + habits.vocabulary * habits.width)
    return Cost(seconds=4 + size / 1e8, bytes=size)


def prepare_cost(rows: int) -> Cost:
    """Read one split of one language."""
    return Cost(seconds=PREPARE_SECONDS, bytes=ROW_BYTES * rows)


def translate_cost(rows: int) -> Cost:
    """Translate a split's texts; rough, as engines differ a hundredfold."""
    return Cost(seconds=1 + rows / ROWS_TRANSLATED_PER_SECOND, bytes=ROW_BYTES * rows)


def train_cost(
    habits: EncoderDefaults,
    subwords: float,
    steps: float,
    masked: float = 0.0,
    rows: int = TOUCHED_ROWS,
) -> Cost:
    """Forward and backward over the sub-words, and the optimizer over all weights.

    Args:
        masked: how many sub-words are predicted by masked language modelling.
        rows: of the embedding matrix, that are stored.
    """
    weights = block_weights(habits)
    table = habits.vocabulary * habits.width
    operations = 6 * (weights * subwords + table * masked) + 60 * weights * steps
    size = 4 * (weights + rows * habits.width)
    return _computed(operations, 1, size)


def forward_cost(habits: EncoderDefaults, subwords: float, size: int) -> Cost:
    """One forward pass over the sub-words, and a result of a size in bytes."""
    return _computed(2 * block_weights(habits) * subwords, 0.2, size)


def search_cost(habits: EncoderDefaults, here: int, english: int) -> Cost:
    """Compare every sentence of one side with every one of the other: a matrix product."""
    return _computed(2.0 * here * english * habits.width, 0.1, 20 * here)


def _computed(operations: float, more_seconds: float, size: int) -> Cost:
    return Cost(more_seconds + operations / OPERATIONS_PER_SECOND, size, operations)


def gpu_hours(operations: float, tflops: float = TFLOPS) -> float:
    """Hours of one GPU that sustains so many 10^12 operations per second."""
    return operations / (tflops * 1e12) / 3600


def sample_cost(rows: int) -> Cost:
    """Read rows, or what another stage has written, and compute next to nothing."""
    return Cost(0.05 + 2e-5 * rows, ROW_BYTES)


def gradient_cost(habits: EncoderDefaults, subwords: float) -> Cost:
    """Forward and backward over the sub-words, example by example, and no optimizer."""
    return _computed(6 * block_weights(habits) * subwords, 1, 8 * habits.layers * habits.width)


def score_cost(rows: int) -> Cost:
    """Compare predictions with gold."""
    return Cost(0.01, ROW_BYTES * rows)


def calibration(plan: Plan, statuses: Mapping[str, StageStatus]) -> dict[str, float]:
    """Kind → median of measured over expected seconds, over finished stages."""
    ratios: dict[str, list[float]] = {}
    for stage in plan.stages:
        seconds = statuses[stage.key].seconds
        if seconds and stage.cost.seconds:
            ratios.setdefault(stage.kind, []).append(seconds / stage.cost.seconds)
    return {kind: median(values) for kind, values in ratios.items()}
