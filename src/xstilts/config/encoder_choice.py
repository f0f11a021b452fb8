"""One encoder or several: `encoder` and `encoders` replace each other in files and overrides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xstilts.config.yaml_tree import OVERRIDE, Lines

ENCODER, ENCODERS = "encoder", "encoders"
OTHER = {ENCODER: ENCODERS, ENCODERS: ENCODER}
"""Each of the two keys → the key that it replaces."""


def remove_replaced(tree: dict[str, Any], given: Iterable[str]) -> None:
    """Remove `encoder` from an inherited tree if `encoders` is given, and the reverse; in place."""
    keys = set(given)
    for key, other in OTHER.items():
        if key in keys and other not in keys:
            tree.pop(other, None)


def choose_encoder(tree: dict[str, Any], lines: Lines, name: str) -> None:
    """Make an encoder the only one of a tree, in place.

    Args:
        name: the label or name of an entry of `encoders`, which keeps its recipe; else a folder
            or a Hugging Face name, which replaces the name of `encoder`.
    """
    entries = tree.get(ENCODERS)
    entries = entries if isinstance(entries, list) else []
    matching = [index for index, entry in enumerate(entries) if name in _names_of(entry)]
    if len(matching) == 1:
        old = (ENCODERS, matching[0])
        for location in [location for location in lines if location[:2] == old]:
            lines[ENCODER, *location[2:]] = lines[location]
        tree[ENCODER] = entries[matching[0]]
    else:
        local = Path(name).expanduser()
        current = tree.get(ENCODER)
        options = current if isinstance(current, dict) else {}
        tree[ENCODER] = options | {"name": str(local.absolute()) if local.is_dir() else name}
        for location in [location for location in lines if location[:2] == (ENCODER, "name")]:
            del lines[location]
        lines[ENCODER, "name"] = OVERRIDE
    tree.pop(ENCODERS, None)


def _names_of(entry: Any) -> tuple[Any, ...]:
    """The texts that choose an entry of `encoders`: label, name, and the name's last part."""
    options = entry if isinstance(entry, dict) else {"name": entry}
    name = str(options.get("name", ""))
    return options.get("label"), name, name.rstrip("/").rpartition("/")[2]
