"""Gold answers as choices among options, whose probability a trained model gives.

A class among the labels; a choice among the choices; one tag per word; a window's first and last
sub-word, each among the sub-words of the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xstilts.formats.base import Feature
from xstilts.formats.spec import Labels
from xstilts.formats.training_spec import GoldLogits

if TYPE_CHECKING:
    from torch import Tensor


def class_logits(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    """One choice per feature, among the columns of its logits."""
    return [
        labelled_logits(row[None], [feature.target])
        for row, feature in zip(logits, features, strict=True)
    ]


def class_options(feature: Feature, labels: Labels) -> tuple[int, int]:
    """One choice among the labels; none where the label is blank."""
    assert not isinstance(feature.target, list)
    return int(feature.target >= 0), len(labels)


def labelled_logits(logits: Tensor, target: object) -> GoldLogits:
    """The choices whose gold answer is known: logits [choices, options], target [choices]."""
    import torch

    gold = torch.tensor(target)
    return GoldLogits(logits[gold >= 0], gold[gold >= 0])
