"""Training of every encoder family against a plain loop over AutoModel with all its embeddings."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from xstilts.testing.encoder_families import FAMILIES
from xstilts.testing.plain_training import DECAYS_NORMS, train_twice


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trained_encoder_equals_that_of_a_plain_loop(family: str, tmp_path: Path) -> None:
    losses, weights = train_twice(family, tmp_path)
    assert losses[0] == pytest.approx(losses[1], abs=2e-6)
    assert len(weights) > 10
    for name, (ours, plain) in weights.items():
        torch.testing.assert_close(ours, plain, rtol=1e-4, atol=2e-5, msg=name)


@pytest.mark.parametrize("family", ["bert", "modernbert", "xlm"])
def test_only_listed_families_decay_norms_unlike_trainer(family: str, tmp_path: Path) -> None:
    weights = train_twice(family, tmp_path, trainer_groups=True).weights
    largest = max(float((ours - plain).abs().max()) for ours, plain in weights.values())
    assert (largest > 1e-4) == (family in DECAYS_NORMS)
