"""An encoder with one head per task: the model of intermediate and target training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from xstilts.formats import training_of
from xstilts.formats.base import HeadShape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_config import FIRST
from xstilts.models.fast_dropout import replace_dropout
from xstilts.models.fusion import ImageTextVectors
from xstilts.models.heads import PooledVectors
from xstilts.training.head_names import without_dots

OWN_NAMES = frozenset(dir(nn.ModuleDict()))
"""Names that a module cannot have."""


class MultiTaskModel(nn.Module):
    """An encoder with the heads of the tasks that are trained together."""

    def __init__(self, encoder: Encoder, heads: Mapping[str, HeadShape]) -> None:
        super().__init__()
        self.encoder = encoder
        self.tied = {task for task, shape in heads.items() if training_of(shape.format).tied}
        self.with_images = {
            task for task, shape in heads.items() if training_of(shape.format).images
        }
        tied_width = encoder.embeddings.shape[1]
        self.heads = nn.ModuleDict(
            {
                module_name(task): training_of(shape.format).head(
                    encoder.width,
                    replace(
                        shape,
                        tied_width=tied_width,
                        joint_width=encoder.joint_width(shape.pooling),
                    ),
                )
                for task, shape in heads.items()
            }
        )
        replace_dropout(self.heads)

    def forward(
        self,
        task: str,
        ids: Tensor,
        mask: Tensor,
        types: Tensor,
        positions: Tensor | None = None,
        images: Tensor | None = None,
    ) -> Any:
        """Compute the logits of the head of a task, in the shape that its format defines.

        Args:
            task: its name.
            ids, mask, types: [b, t].
            positions: [b, t] boolean, the tokens that the head needs; None for all.
            images: [b, k, p, w] states of the images, for heads that read them; None if withheld.
        """
        head = self.heads[module_name(task)]
        if positions is None and getattr(head, "pooling", "") == FIRST:
            positions = torch.zeros_like(mask, dtype=torch.bool).index_fill_(
                1, mask.new_zeros(1), 1
            )
        hidden = self.encoder(ids, mask, types, positions)
        if task in self.tied:
            return head(hidden, mask, self.encoder.embeddings, positions)
        if isinstance(head, PooledVectors):
            return self.encoder.projected(head(hidden, mask), head.pooling)
        if isinstance(head, ImageTextVectors):
            project = partial(self.encoder.projected, pooling=head.pooling)
            return head(hidden, mask, images, project)
        return head(hidden, mask, images) if task in self.with_images else head(hidden, mask)


def module_name(task: str) -> str:
    """Return the name of a task's module; torch's own names, such as `train`, get a plus sign."""
    name = without_dots(task)
    return f"{name}+" if name in OWN_NAMES else name  # no name of a task contains a plus sign


def initialised(encoder: Encoder, heads: Mapping[str, HeadShape], seed: int) -> MultiTaskModel:
    """Return a model with randomly initialised heads, normal with deviation 0.02 as in BERT."""
    model = MultiTaskModel(encoder, heads)
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.heads.named_parameters():
        if name.endswith("bias"):
            nn.init.zeros_(value)
        elif name.endswith("norm.weight"):
            nn.init.ones_(value)
        else:
            nn.init.normal_(value, std=0.02, generator=generator)
    return model
