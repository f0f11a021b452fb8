"""The source of an encoder: the package, a folder, or the Hub; resolved without torch."""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError, UnknownNameError
from xstilts.core.hashing import digest_of_unchanged
from xstilts.models.encoder_config import check_text_config, shape_of
from xstilts.models.encoder_defaults import (
    KNOWN_ENCODERS,
    PACKAGED,
    PACKAGED_ON_HUB,
    PACKAGED_SHA256,
    EncoderDefaults,
    encoder_defaults_of,
)
from xstilts.models.hub_config import (
    UNREADABLE,
    hub_json,
    hub_sentence_encoder,
    hub_shape,
)
from xstilts.models.sentence_transformers import CONFIG, sentence_encoder_of
from xstilts.models.weight_files import check_file

INDEX = "model.safetensors.index.json"
WEIGHTS = ("model.safetensors", INDEX)
REPAIR_INDEX = "copy the model's folder again, or save it with save_pretrained"
SUFFIXES = (".safetensors", ".json", ".model", ".txt")
"""Suffixes of the files that define an encoder; the digests of these files are in its key."""
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json")
"""Files that define a tokenizer, next to SentencePiece models."""
SAFETENSORS_COMMITS = {
    "microsoft/mdeberta-v3-base": "faf660b811036d7b6dfc53aacfe5281447d4e2c6",
    "facebook/xlm-v-base": "643a987aa713ecd3c9a26a801fc715aa7f56b409",
    "facebook/xmod-base": "6c576d13b71e9662f746dd8efaea2dd81ad72070",
}
"""Model on the hub whose `main` has pickles alone → a commit with safetensors (pull requests)."""
PICKLE_INDEX = "pytorch_model.bin.index.json"
PICKLES = ("pytorch_model.bin", PICKLE_INDEX, "model.bin")
ADAPTERS = (
    "adapter_config.json", "adapter_model.safetensors", "adapter_model.bin", "pytorch_adapter.bin",
)  # fmt: skip
"""Files of PEFT and AdapterHub; transformers loads or ignores them depending on what is
installed."""


@dataclass(frozen=True)
class EncoderSource:
    """The source of an encoder: its name, its parameters in keys, its defaults and its folder.

    Args:
        pinned: whether a commit with safetensors is used, because `main` has pickles alone.
    """

    name: str
    params: dict[str, Any]
    defaults: EncoderDefaults
    folder: Path | None = None
    pinned: bool = False


def find_source(name: str, revision: str | None, folder: Path) -> EncoderSource:
    """Resolve the name of an encoder in an experiment.

    Args:
        name: of the packaged encoder, a folder, or a model on the Hub.
        revision: on the Hub.
        folder: base of relative paths.

    Raises:
        UnknownNameError: neither the packaged encoder, nor a folder, nor a name on the Hub.
        EncoderError: no such folder, or a folder without safetensors weights.
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
    looks_like_path = name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1
    if looks_like_path:
        raise EncoderError(
            f"there is no folder {path}",
            where="encoder.name",
            todo="correct the path of the encoder, or name a model on the Hub",
        )
    if "/" not in name and name not in KNOWN_ENCODERS:
        raise UnknownNameError("encoder", name, KNOWN_ENCODERS, where="encoder.name")
    pinned = None if revision else SAFETENSORS_COMMITS.get(name)
    params = {"from": "hub", "name": name, "revision": revision or pinned or "main"}
    defaults = _hub_defaults(name, params["revision"])
    return EncoderSource(name, params, defaults, pinned=pinned is not None)


def _hub_defaults(name: str, revision: str) -> EncoderDefaults:
    if name in KNOWN_ENCODERS:
        return encoder_defaults_of(name, None)
    shape = hub_shape(name, revision)
    sentence, known = hub_sentence_encoder(name, revision) if shape else (None, True)
    defaults = encoder_defaults_of(name, shape, sentence)
    return defaults if known else replace(defaults, assumed=True)


def has_wheel() -> bool:
    """Whether the packaged encoder has a wheel for this platform."""
    return sys.platform == "linux" and platform.machine() == "x86_64"


def _local(name: str, path: Path) -> EncoderSource:
    names = [item.name for item in path.iterdir()]
    check_weights(names, str(path))
    check_tokenizer_files(names, str(path))
    files = file_digests(path)
    return EncoderSource(
        Path(name).name or name,
        {"from": "folder", "files": files},
        folder_defaults(path),
        path,
    )


def source_json(source: EncoderSource, path: str) -> Any:
    """The JSON value in a file of an encoder; None without such a file, or where it is unknown.

    Raises:
        EncoderError: the file of a folder cannot be read.
    """
    if source.folder is not None:
        return _json_in(source.folder, path)
    if source.params["from"] != "hub":
        return None
    try:
        return hub_json(source.params["name"], source.params["revision"], path)
    except UNREADABLE:
        return None


def folder_defaults(folder: Path) -> EncoderDefaults:
    """Defaults of an encoder in a folder.

    Raises:
        EncoderError: one of its JSON files cannot be read.
    """
    config = read_json_object(folder / CONFIG)
    check_text_config(config, str(folder))
    sentence = sentence_encoder_of(partial(_json_in, folder))
    return encoder_defaults_of(None, shape_of(config), sentence)


def _json_in(folder: Path, path: str) -> Any:
    """The JSON value in a file of a folder; None without such a file."""
    return read_json_value(folder / path) if (folder / path).is_file() else None


def file_digests(folder: Path, suffixes: Sequence[str] = SUFFIXES) -> dict[str, str]:
    """Path → SHA-256 of every file that defines a model, with shards in subfolders.

    Args:
        suffixes: of its files.

    Raises:
        EncoderError: the index of the shards is invalid, or a file cannot be read.
    """
    try:
        tops = sorted(x for x in folder.iterdir() if x.suffix in suffixes and x.is_file())
        shards = [folder / name for name in check_index(folder) if "/" in name]
        below = [shard for shard in shards if shard.is_file()]
        for path in (*tops, *below):
            check_file(path)
        return {x.relative_to(folder).as_posix(): digest_of_unchanged(x) for x in (*tops, *below)}
    except OSError as error:
        raise EncoderError(
            f"{error.filename} cannot be read: {error.strerror}", where=str(folder)
        ) from error


def check_index(folder: Path) -> list[str]:
    """The shards that the index of the weights names; none without an index.

    They need not exist if all weights are in one file.

    Raises:
        EncoderError: a shard is not in the folder, or is not a safetensors file.
    """
    path = folder / INDEX
    if not path.exists():
        return []
    shards = read_json_object(path).get("weight_map")
    if not isinstance(shards, dict) or not all(isinstance(x, str) for x in shards.values()):
        raise EncoderError("no weight_map", where=str(path), todo=REPAIR_INDEX)
    names = sorted(set(shards.values()))
    for name in names:
        if name.startswith(("/", "\\")) or ".." in Path(name).parts or ":" in name:
            problem = "is outside the folder"
        elif not name.endswith(".safetensors"):
            problem = "is not a safetensors file: other formats can execute code"
        elif not (folder / name).is_file() and not (folder / WEIGHTS[0]).is_file():
            problem = "does not exist"
        else:
            continue
        raise EncoderError(f"the shard {name} {problem}", where=str(path), todo=REPAIR_INDEX)
    return names


def weight_paths(folder: Path) -> list[Path]:
    """The safetensors files of a folder, with shards in subfolders.

    Raises:
        EncoderError: the index of the shards is invalid.
    """
    shards = (folder / name for name in check_index(folder))
    return sorted({*folder.glob("*.safetensors"), *filter(Path.is_file, shards)})


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of an encoder.

    Raises:
        EncoderError: it cannot be read, or is something else.
    """
    value = read_json_value(path)
    if not isinstance(value, dict):
        raise EncoderError(
            f"{path.name} is a {type(value).__name__}, not a JSON object",
            where=str(path.parent),
            todo="copy the encoder's folder again",
        )
    return value


def read_json_value(path: Path) -> Any:
    """The JSON value in a file of an encoder.

    Raises:
        EncoderError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EncoderError(f"{path.name} is not JSON: {error}", where=str(path.parent)) from error


def check_weights(files: list[str], where: str) -> None:
    """Check that an encoder has a config and safetensors weights, and no adapter.

    Args:
        files: file names.
        where: folder or Hub name, for errors.

    Raises:
        EncoderError: a file is missing, the weights are only available as pickle, or there are
            files of an adapter.
    """
    if adapters := [name for name in ADAPTERS if name in files]:
        raise EncoderError(
            f"the folder holds an adapter that would be ignored ({', '.join(adapters)})",
            where=where,
            todo="merge it into the model first with peft's merge_and_unload and save_pretrained; "
            "or remove its files to use the model without it",
        )
    if "config.json" not in files:
        raise EncoderError(
            "no config.json", where=where, todo="use the folder of a Hugging Face encoder"
        )
    if not any(name in files for name in WEIGHTS):
        pickles = [name for name in PICKLES if name in files]
        on_hub = where.startswith("hub:")
        folder = "FOLDER" if on_hub else shlex.quote(where)
        first = "download the model, and " if on_hub else ""
        reason = (
            f"the weights are only available as pickle ({pickles[0]}), which can execute code"
            if pickles
            else "no model.safetensors"
        )
        raise EncoderError(
            reason,
            where=where,
            todo=f"{first}make a copy with safetensors: xstilts encoders convert {folder} --to DIR"
            if pickles
            else "save the encoder with save_pretrained",
        )


def check_tokenizer_files(files: Sequence[str], where: str) -> None:
    """Check that an encoder has a tokenizer; transformers silently creates one.

    Raises:
        EncoderError: there is neither a tokenizer.json nor a vocabulary.
    """
    if not any(name.endswith(".model") or name in TOKENIZERS for name in files):
        raise EncoderError(
            "no tokenizer.json",
            where=where,
            todo="save the encoder's tokenizer into the folder (save_pretrained)",
        )
