"""Self-attention of packed batches on a CPU, with one product for query, key and value."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from xstilts.models.attention import grouped
from xstilts.models.fast_linear import FastLinear, PackedWeights, linear, packed_weights
from xstilts.models.packing import Layout

PROJECTIONS = ("query", "key", "value")

_joint: dict[type[nn.Module], type[nn.Module]] = {}
"""Class of a self-attention → the same with joint projections."""


class JointProjections(nn.Module):
    """Extends the self-attention of BERT and RoBERTa in transformers.

    Where a projection has an adapter or a hook, on a GPU, and without a layout, it computes as
    they do.
    """

    num_attention_heads: int
    scaling: float
    dropout: nn.Dropout
    packed: PackedWeights | None = None

    def forward(
        self, hidden_states: Tensor, *args: Any, **settings: Any
    ) -> tuple[Tensor, Tensor | None]:
        """[1, rows, width] → [1, rows, width], and no attention weights."""
        layout: Layout | None = settings.get("layout")
        layers = self._projections()
        if layout is None or not layers or hidden_states.device.type != "cpu":
            output: tuple[Tensor, Tensor | None] = super().forward(hidden_states, *args, **settings)
            return output
        rows = hidden_states.flatten(0, 1)
        states = self.packed(rows) if self.packed else linear(rows, layers)
        states = states.view(len(rows), len(PROJECTIONS), self.num_attention_heads, -1)
        dropout = self.dropout.p if self.training else 0.0
        return grouped(states, layout, self.scaling, dropout).view(1, len(rows), -1), None

    def pack(self) -> None:
        """Replace the weights of the projections by packed ones, where oneDNN is used."""
        layers = self._projections()
        if layers and (packed := packed_weights(layers)):
            self.packed = packed
            for layer in layers:
                layer.remove_weights()

    def _projections(self) -> list[FastLinear]:
        """Query, key and value; none if one of them is of another type or has a hook."""
        layers = [self.get_submodule(name) for name in PROJECTIONS]
        plain = [one for one in layers if type(one) is FastLinear and not _has_hooks(one)]
        return plain if len(plain) == len(layers) else []


def join_projections(attention: nn.Module) -> None:
    """Make a self-attention compute query, key and value by one product, in place."""
    kind = type(attention)
    if kind not in _joint:
        _joint[kind] = type(f"Joint{kind.__name__}", (JointProjections, kind), {})
    attention.__class__ = _joint[kind]


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
