"""The choices that an example's gold answer is made of, each among some options.

A class among the labels; a choice among the choices; one tag per word; a window's first and last
sub-word, each among the window's own. What is probable and what is not is asked of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from xstilts.formats.base import Feature


class GoldLogits(NamedTuple):
    """An example's choices: logits [choices, options] and the right options [choices]."""

    logits: Tensor
    gold: Tensor


def _class(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return [_known(row[None], [one.target]) for row, one in zip(logits, features, strict=True)]


def _choice(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return _class(logits.view(len(features), -1), features)


def _tags(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return [
        _known(part[: len(one.ids)], one.target) for part, one in zip(logits, features, strict=True)
    ]


def _ends(logits: Tensor, features: Sequence[Feature]) -> list[GoldLogits]:
    return [
        _known(part[: len(one.ids)].T, one.target)
        for part, one in zip(logits, features, strict=True)
    ]


def _known(logits: Tensor, target: object) -> GoldLogits:
    """The choices whose answer is known."""
    gold = torch.tensor(target)
    return GoldLogits(logits[gold >= 0], gold[gold >= 0])


CHOICES: Mapping[str, Callable[[Tensor, Sequence[Feature]], list[GoldLogits]]] = {
    "classification": _class,
    "multiple_choice": _choice,
    "tagging": _tags,
    "span": _ends,
}
"""Format → (logits of a batch, its features) → the choices of each."""


def gold_logits(kind: str, feature: Feature, labels: Sequence[str]) -> tuple[int, int]:
    """How many choices an example has, and among how many options each is."""
    if kind == "span":
        return 2, len(feature.ids)
    if isinstance(feature.target, list):
        return sum(target >= 0 for target in feature.target), len(labels)
    count = len(feature.texts) if kind == "multiple_choice" else len(labels)
    return int(feature.target >= 0), count
