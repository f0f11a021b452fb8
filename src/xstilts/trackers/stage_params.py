"""The parameters of a stage for trackers whose parameters have no structure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat_params(params: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Name → value, the names of nested parameters joined by dots: `recipe.learning_rate`."""
    flat: dict[str, Any] = {}
    for name, value in params.items():
        if isinstance(value, Mapping):
            flat |= flat_params(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat
