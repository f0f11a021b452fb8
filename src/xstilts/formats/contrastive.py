"""In-batch softmax: each text competes with the counterparts of the batch's other examples."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from xstilts.config.recipe import Recipe

Similarity = Literal["cosine", "dot"]


@dataclass(frozen=True)
class ContrastiveSettings:
    """How vectors are compared in training.

    The defaults are those of XTREME-R's dual encoder (`BertForRetrieval` in XTREME's
    third_party/bert.py): cosines times 100, in one direction. There the factor is a weight that
    starts at 100; at the learning rate of 2e-5 it hardly moves.

    Args:
        temperature: similarities are divided by it.
        similarity: `cosine` or `dot` product.
        symmetric: the mean of both directions: the second is that of each counterpart among the
            batch's first texts.
    """

    temperature: float = 0.01
    similarity: Similarity = "cosine"
    symmetric: bool = False

    def with_recipe(self, recipe: Recipe) -> ContrastiveSettings:
        """The settings with the values that a recipe gives."""
        given: dict[str, Any] = {
            "temperature": recipe.contrastive_temperature,
            "similarity": recipe.contrastive_similarity,
            "symmetric": recipe.contrastive_symmetric,
        }
        return replace(self, **{name: value for name, value in given.items() if value is not None})


def group_numbers(pairs: Iterable[Sequence[object]]) -> Tensor:
    """[b, 2] long: a number for each side of each pair, equal for equal objects of a side."""
    import torch

    numbers: list[dict[object, int]] = [{}, {}]
    rows = [
        [side.setdefault(item, len(side)) for side, item in zip(numbers, pair, strict=True)]
        for pair in pairs
    ]
    return torch.tensor(rows, dtype=torch.long).view(-1, 2)


def in_batch_softmax(vectors: Tensor, groups: Tensor, settings: ContrastiveSettings) -> Tensor:
    """Cross-entropy of each example's second vector among those of the batch, summed.

    Counterparts that are equal to the example's own, or that belong to an equal first text, are
    correct as well, and therefore no negatives.

    Args:
        vectors: [b, 2, width] first text and counterpart of each example.
        groups: [b, 2] see `group_numbers`.

    Source: Chen et al. (2017) for the loss; XTREME-R counts equal counterparts as negatives.
    """
    import torch
    from torch.nn import functional

    vectors = vectors.float()
    if settings.similarity == "cosine":
        vectors = functional.normalize(vectors, dim=-1)
    scores = vectors[:, 0] @ vectors[:, 1].T / settings.temperature
    correct = (groups[:, None] == groups[None]).any(-1).fill_diagonal_(False)
    scores = scores.masked_fill(correct, -torch.inf)
    own = torch.arange(len(scores), device=scores.device)
    loss = functional.cross_entropy(scores, own, reduction="sum")
    if settings.symmetric:
        loss = (loss + functional.cross_entropy(scores.T, own, reduction="sum")) / 2
    return loss
