"""One encoder or several: `encoder` and `encoders` replace each other in files and overrides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xstilts.config.yaml_tree import OVERRIDE, Lines
from xstilts.core.errors import ConfigError

ENCODER, ENCODERS = "encoder", "encoders"
OTHER = {ENCODER: ENCODERS, ENCODERS: ENCODER}
"""Each of the two keys → the key that it replaces."""


def remove_replaced(tree: dict[str, Any], given: Iterable[str]) -> None:
    """Remove `encoder` from an inherited tree if `encoders` is given, and the reverse; in place."""
    keys = set(given)
    for key, other in OTHER.items():
        if key in keys and other not in keys:
            tree.pop(other, None)


def choose_encoder(tree: dict[str, Any], lines: Lines, name: str, folder: Path) -> None:
    """Make an encoder the only one of a tree, in place.

    Args:
        name: the label, name, or end of the name of an entry of `encoders`, which keeps its recipe;
            else a folder or a Hugging Face name, which replaces the name of `encoder`.
        folder: relative paths in the tree are relative to it.

    Raises:
        ConfigError: the name fits several entries.
    """
    entries = tree.pop(ENCODERS, None)
    index = _index_of(name, entries if isinstance(entries, list) else [], folder)
    if index is not None:
        for location in [one for one in lines if one[:2] == (ENCODERS, index)]:
            lines[ENCODER, *location[2:]] = lines[location]
        tree[ENCODER] = entries[index]
        return
    local, current = Path(name).expanduser(), tree.get(ENCODER)
    options = current if isinstance(current, dict) else {}
    tree[ENCODER] = options | {"name": str(local.absolute()) if local.is_dir() else name}
    for location in [one for one in lines if one[:2] == (ENCODER, "name")]:
        del lines[location]
    lines[ENCODER, "name"] = OVERRIDE


def _index_of(name: str, entries: Sequence[Any], folder: Path) -> int | None:
    """The entry that a name chooses: by its label, its name, or the end of its name or path."""
    options = [one if isinstance(one, dict) else {"name": one} for one in entries]
    names = [str(one.get("name", "")) for one in options]
    ends = [(f"/{text.rstrip('/')}", f"{(folder / text).resolve()}") for text in names]
    for fits in (
        [one.get("label") == name for one in options],
        [text == name for text in names],
        [any(end.endswith(f"/{name.rstrip('/')}") for end in pair) for pair in ends],
    ):
        found = [index for index, fit in enumerate(fits) if fit]
        if len(found) > 1:
            raise ConfigError(
                f"{name} fits {len(found)} of the encoders: "
                + ", ".join(str(options[index].get("label") or names[index]) for index in found),
                where="--encoder",
                todo="give a label, or more of the name",
            )
        if found:
            return found[0]
    return None
