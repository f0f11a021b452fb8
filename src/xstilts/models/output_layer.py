"""The last layer of a head, in the type of its weights (fp32) also under autocast."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class OutputLayer(nn.Linear):
    """`nn.Linear` without autocast: fp32 weights give fp32 outputs.

    Numbers of bf16 have 8 bits: logits would often be equal, which favours the first of two
    answers, and the predictions of a regression would have steps of up to 0.8 %.
    """

    def forward(self, states: Tensor) -> Tensor:
        """[..., d] → [..., outputs], in the type of the weights."""
        with torch.autocast(states.device.type, enabled=False):
            return super().forward(states.to(self.weight.dtype))
