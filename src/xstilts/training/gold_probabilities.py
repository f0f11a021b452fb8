"""How a trained model takes the gold answers: their probability, in bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts.formats import training_of
from xstilts.formats.base import Feature
from xstilts.formats.spec import GoldLogits
from xstilts.training.batching import Batch
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import EVALUATION, tf32_context
from xstilts.training.predict import read_batches

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GoldProbabilities:
    """Each [n], for n features.

    Args:
        bits: -log2 of the gold answer's probability, summed over its choices.
        choices: how many choices that are: 1, words with a tag, 2 ends of a span.
        right: in how many of them the most probable option is the gold one.
    """

    bits: Floats
    choices: Floats
    right: Floats

    @property
    def probability(self) -> Floats:
        """Of the gold answer; of several choices their geometric mean."""
        return np.asarray(2.0 ** (-self.bits / np.maximum(self.choices, 1)))


@tf32_context(EVALUATION)
def gold_probabilities(
    model: MultiTaskModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    padding: int,
    tokens: int | None = None,
) -> GoldProbabilities:
    """How a model takes the gold answers of some features, in their order."""
    model.eval()
    gold_logits = training_of(kind).gold_logits
    assert gold_logits is not None, f"format {kind} has no gold probability"

    def read(chosen: Sequence[Feature], batch: Batch) -> Floats:
        logits = model(task, batch.ids, batch.mask, batch.types).float().cpu()
        return np.array([gold_bits(one) for one in gold_logits(logits, chosen)]).T

    found = np.zeros((3, len(features)))
    for places, some in read_batches(model.encoder, features, padding, tokens, read):
        found[:, places] = some
    return GoldProbabilities(*found)


def gold_bits(asked: GoldLogits) -> tuple[float, int, int]:
    """The bits of an example's gold answer, how many choices it is, and how many are right."""
    logits, gold = asked
    likely = torch.log_softmax(logits.double(), -1)
    bits = -float(likely.gather(1, gold[:, None]).sum()) / log(2)
    return bits, len(gold), int((logits.argmax(-1) == gold).sum())
