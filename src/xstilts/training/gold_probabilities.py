"""Probabilities that a trained model assigns to gold answers, in bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, nan

import numpy as np
import torch
from numpy.typing import NDArray

from xstilts.formats import training_of
from xstilts.formats.base import Feature
from xstilts.formats.training_spec import GoldLogits
from xstilts.models.defined_logits import UndefinedLogits, check_defined
from xstilts.training.batching import Batch
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import EVALUATION, Precision, autocast_context, tf32_context
from xstilts.training.predict import UndefinedOutputs, read_batches

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class GoldProbabilities:
    """Gold probabilities of n features; every field is [n].

    Args:
        bits: -log2 of the probability of the gold answer, summed over its decisions.
        decisions: number of decisions: 1, the words with a tag, or the 2 ends of a span.
        correct: number of decisions whose most probable option is the gold one.
    """

    bits: Floats
    decisions: Floats
    correct: Floats

    @property
    def probability(self) -> Floats:
        """Probability of the gold answer; the geometric mean over its decisions."""
        return np.asarray(2.0 ** (-self.bits / np.maximum(self.decisions, 1)))


@tf32_context(EVALUATION)
def gold_probabilities(
    model: MultiTaskModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    padding: int,
    tokens: int | None = None,
    precision: Precision = EVALUATION,
) -> GoldProbabilities:
    """Compute the probabilities of gold answers, in the order of the features.

    Raises:
        UndefinedOutputs: some logits are NaN or infinity.
    """
    model.eval()
    gold_logits = training_of(kind).gold_logits
    assert gold_logits is not None, f"format {kind} has no gold probability"

    def read(chosen: Sequence[Feature], batch: Batch) -> Floats:
        with autocast_context(precision, batch.ids.device):
            logits = model(task, batch.ids, batch.mask, batch.types, images=batch.images)
        logits = logits.float().cpu()
        return np.array([gold_bits(example) for example in gold_logits(logits, chosen)]).T

    result = np.zeros((3, len(features)))
    for indices, batch_result in read_batches(model.encoder, features, padding, tokens, read):
        if np.isnan(batch_result).any():
            raise UndefinedOutputs(task)
        result[:, indices] = batch_result
    return GoldProbabilities(*result)


def gold_bits(example: GoldLogits) -> tuple[float, float, float]:
    """Bits of the gold answer, number of decisions, and number of correct decisions.

    All are NaN if the logits are not defined: the largest of them would pass for an answer.
    """
    logits, gold = example
    try:
        check_defined(logits)
    except UndefinedLogits:
        return nan, nan, nan
    log_probabilities = torch.log_softmax(logits.double(), -1)
    bits = -float(log_probabilities.gather(1, gold[:, None]).sum()) / log(2)
    return bits, len(gold), int((logits.argmax(-1) == gold).sum())
