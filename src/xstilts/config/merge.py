"""Merging of YAML trees: inherited values, and those that replace them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xstilts.config.encoder_choice import ENCODER


def merge(base: Mapping[str, Any], tree: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of both: mappings are merged, null removes a key, others replace its value."""
    merged = dict(base)
    for key, value in tree.items():
        inner = merged.get(key)
        if value is None and key in merged:
            del merged[key]
            continue
        if key == ENCODER and isinstance(inner, str) and isinstance(value, dict):
            inner = {"name": inner}
        if isinstance(inner, dict) and isinstance(value, dict):
            value = merge(inner, value)
        merged[key] = value
    return merged
