"""The part of a model's state that training changes: without frozen weights."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn


def trained_state(model: nn.Module) -> dict[str, Tensor]:
    """Return a copy of the state on the CPU, without parameters that are not trained."""
    frozen = _frozen(model)
    return {
        name: value.detach().cpu().clone()
        for name, value in model.state_dict().items()
        if name not in frozen
    }


def load_trained_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load what `trained_state` returned.

    Raises:
        RuntimeError: the names or shapes are those of another model.
    """
    missing, unexpected = model.load_state_dict(state, strict=False)
    if set(missing) != _frozen(model) or unexpected:
        absent = sorted(set(missing) ^ _frozen(model))
        raise RuntimeError(f"the state of another model: {absent[:3]}, {unexpected[:3]}")


def _frozen(model: nn.Module) -> set[str]:
    parameters = model.named_parameters(remove_duplicate=False)
    return {name for name, value in parameters if not value.requires_grad}
