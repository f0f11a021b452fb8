"""What stages are expected to need, before any has run.

Time = floating point operations / rate. A forward pass takes 2 operations per weight of the
Transformer blocks and sub-word, a training step three times that; a block has 12 width²
weights. The rate starts from a cautious guess for one CPU core and is replaced by what the
finished stages of the store needed, kind by kind.
"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from xstilts.core.plan import Plan
from xstilts.core.stage import Cost
from xstilts.core.store import DamagedArtifact, Store
from xstilts.models.habits import Habits

OPERATIONS_PER_SECOND = 60e9
SUBWORDS = 16
"""Sub-words per example, where nothing is known of the texts; longer ones cost more."""
PREPARE_SECONDS = 0.5
ROW_BYTES = 100
TOUCHED_ROWS = 4000


def block_weights(habits: Habits) -> int:
    """Weights in the Transformer blocks."""
    return 12 * habits.layers * habits.width**2


def encoder_cost(habits: Habits) -> Cost:
    """Unpack and rewrite every weight once."""
    size = 4 * (block_weights(habits) + habits.vocabulary * habits.width)
    return Cost(seconds=4 + size / 1e8, bytes=size)


def prepare_cost(rows: int) -> Cost:
    """Read one split of one language."""
    return Cost(seconds=PREPARE_SECONDS, bytes=ROW_BYTES * rows)


def train_cost(habits: Habits, examples: float, steps: int) -> Cost:
    """Forward and backward over the examples, and the optimizer over all weights."""
    weights = block_weights(habits)
    operations = 6 * weights * SUBWORDS * examples + 60 * weights * steps
    size = 4 * (weights + TOUCHED_ROWS * habits.width)
    return Cost(seconds=1 + operations / OPERATIONS_PER_SECOND, bytes=size)


def forward_cost(habits: Habits, rows: int, bytes_per_row: int) -> Cost:
    """One forward pass over the rows."""
    operations = 2 * block_weights(habits) * SUBWORDS * rows
    return Cost(0.2 + operations / OPERATIONS_PER_SECOND, bytes_per_row * rows)


def score_cost(rows: int) -> Cost:
    """Compare predictions with gold."""
    return Cost(0.01, ROW_BYTES * rows)


def calibration(plan: Plan, store: Store, keys: Iterable[str]) -> dict[str, float]:
    """Kind → median of measured over expected seconds, over finished stages."""
    ratios: dict[str, list[float]] = {}
    for key in keys:
        stage = plan.by_key[key]
        try:
            seconds = store.artifact(key).manifest["provenance"].get("seconds")
        except DamagedArtifact:
            continue
        if seconds and stage.cost.seconds:
            ratios.setdefault(stage.kind, []).append(seconds / stage.cost.seconds)
    return {kind: median(values) for kind, values in ratios.items()}
