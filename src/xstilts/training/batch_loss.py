"""The loss of a batch of one task: of all its examples, or of some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from xstilts.core.fault_injection import fault
from xstilts.formats.base import Feature
from xstilts.formats.contrastive import ContrastiveSettings
from xstilts.formats.training_spec import TrainingSpec
from xstilts.training.batching import collate
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import Precision, autocast_context
from xstilts.training.predict import read_positions

Rows = Sequence[int]
"""Examples of a batch, by their position in it."""


@dataclass(frozen=True)
class BatchLoss:
    """The loss of a batch, averaged over its targets.

    Args:
        task: its name.
        training: of the format of the task.
        features: the examples of the batch.
        padding: padding id.
        precision: of the model's products.
        contrastive: settings of losses that compare the examples of a batch.
    """

    model: MultiTaskModel
    task: str
    training: TrainingSpec
    features: Sequence[Feature]
    padding: int
    precision: Precision
    contrastive: ContrastiveSettings

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return self.model.encoder.embeddings.device

    def of_rows(self, rows: Rows) -> Tensor:
        """The part of some examples in a loss that is a sum over examples."""
        features = self._chosen(rows)
        loss = self.training.loss(self._logits(features), self._targets(features).to(self.device))
        return loss / self._num_targets

    def vectors(self, rows: Rows) -> Tensor:
        """[n, k, width] the vectors of some examples, fp32."""
        vectors: Tensor = self._logits(self._chosen(rows)).float()
        return vectors.view(len(rows), -1, vectors.shape[-1])

    def of_vectors(self, vectors: Tensor) -> Tensor:
        """The loss of the batch from all its vectors [b, k, width]."""
        assert self.training.batch_loss is not None
        targets = self._batch_targets.to(self.device)
        return self.training.batch_loss(vectors, targets, self.contrastive) / self._num_targets

    @cached_property
    def _batch_targets(self) -> Tensor:
        return self._targets(self.features)

    @cached_property
    def _num_targets(self) -> int:
        return max(1, self.training.count(self._batch_targets))

    def _chosen(self, rows: Rows) -> list[Feature]:
        return [self.features[row] for row in rows]

    def _logits(self, features: Sequence[Feature]) -> Any:
        batch = collate(features, self.padding).to(self.device)
        fault("train.forward")
        with autocast_context(self.precision, self.device):
            positions = read_positions(self.training, features, self.device)
            return self.model(
                self.task, batch.ids, batch.mask, batch.types, positions, batch.images
            )

    def _targets(self, features: Sequence[Feature]) -> Tensor:
        return self.training.targets(features, max(feature.max_tokens for feature in features))
