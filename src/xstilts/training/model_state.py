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


def different_weights(model: nn.Module, state: Mapping[str, Tensor]) -> list[str]:
    """Return the names of weights that a trained state lacks, or has in another shape or alone."""
    frozen = _frozen(model)
    own = {name: value.shape for name, value in model.state_dict().items() if name not in frozen}
    return [
        name
        for name in dict.fromkeys((*own, *state))
        if name not in own or name not in state or own[name] != state[name].shape
    ]


def load_trained_state(model: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Load what `trained_state` returned; `different_weights` must be empty."""
    model.load_state_dict(state, strict=False)


def _frozen(model: nn.Module) -> set[str]:
    parameters = model.named_parameters(remove_duplicate=False)
    return {name for name, value in parameters if not value.requires_grad}
