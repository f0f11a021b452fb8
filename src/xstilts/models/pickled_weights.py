"""Pickled weights of an encoder as safetensors, converted in a process of limited means."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from xstilts.core.atomic_io import set_usual_permissions, write_json
from xstilts.core.errors import EncoderError
from xstilts.core.unique_number import unique_number
from xstilts.models import pickle_worker
from xstilts.models.encoder_source import (
    PICKLE_INDEX,
    PICKLES,
    SUFFIXES,
    WEIGHTS,
    read_json_object,
)

SINGLE = "model"
"""Stem of the file of an encoder with one weight file."""
ENVIRONMENT = {"PATH": os.defpath, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
"""All that the process finds in its environment: no token, no proxy."""


def convert_encoder(folder: Path, target: Path) -> Path:
    """Write a copy of an encoder's folder whose pickled weights are safetensors.

    Each file is read in a process of its own by `torch.load(weights_only=True)`; see
    `pickle_worker`. Tensors keep their type and values.

    Args:
        target: a new or empty folder.

    Returns:
        The target.

    Raises:
        EncoderError: there are no pickled weights, they have more than tensors, or the target has
            files.
    """
    folder, target = folder.expanduser().absolute(), target.expanduser().absolute()
    files = _pickled_files(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise EncoderError(
            "the folder for the copy is not empty", where=str(target), todo="name a new folder"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    staged = target.with_name(f".{target.name}.{unique_number()}")
    staged.mkdir()
    try:
        for name in files:
            _convert(folder / name, staged / _new_name(name, files))
        _copy_rest(folder, staged, files)
        if target.exists():
            target.rmdir()
        staged.rename(target)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return target


def _pickled_files(folder: Path) -> list[str]:
    """Names of the pickled weight files.

    Raises:
        EncoderError: there are none, or an index names files outside the folder.
    """
    if not (folder / "config.json").is_file():
        raise EncoderError(
            "no config.json", where=str(folder), todo="name the folder of a Hugging Face encoder"
        )
    if any((folder / name).is_file() for name in WEIGHTS):
        raise EncoderError(
            "the weights are safetensors already",
            where=str(folder),
            todo="use the folder as it is",
        )
    if not (folder / PICKLE_INDEX).is_file():
        found = [name for name in PICKLES if name != PICKLE_INDEX and (folder / name).is_file()]
        if found:
            return found[:1]
        raise EncoderError(f"no {PICKLES[0]}", where=str(folder))
    shards = read_json_object(folder / PICKLE_INDEX).get("weight_map")
    names = sorted({str(name) for name in shards.values()}) if isinstance(shards, dict) else []
    wrong = [n for n in names if Path(n).name != n or not (folder / n).is_file()]
    if wrong or not names:
        raise EncoderError(
            f"it names {wrong[0]}, which is not in the folder" if wrong else "no weight_map",
            where=str(folder / PICKLE_INDEX),
            todo="copy the encoder's folder again",
        )
    return names


def _new_name(name: str, files: list[str]) -> str:
    stem = Path(name).stem.replace("pytorch_model", SINGLE) if len(files) > 1 else SINGLE
    return f"{stem}.safetensors"


def _convert(source: Path, target: Path) -> None:
    """Convert a file in a new process.

    Raises:
        EncoderError: it is refused, or the process fails.
    """
    command = [sys.executable, "-I", str(Path(pickle_worker.__file__)), str(source), str(target)]
    environment = {**ENVIRONMENT, **_libraries()}
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode == 0:
        set_usual_permissions(target)
        return
    reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    if done.returncode == pickle_worker.REFUSED:
        raise EncoderError(
            f"{source.name} is refused: {reason}",
            where=str(source.parent),
            todo="only files of tensors are converted: anything else could run code",
        )
    raise EncoderError(
        f"{source.name} cannot be converted: {reason}",
        where=str(source.parent),
        todo="copy the encoder's folder again, or use a machine with more memory",
    )


def _libraries() -> dict[str, str]:
    """Where the system's loader finds libraries, if it is told."""
    names = ("LD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in names if name in os.environ}


def _copy_rest(folder: Path, target: Path, files: list[str]) -> None:
    """Copy the config, the tokenizer and the configs of sentence-transformers' modules."""
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in SUFFIXES and path.name != PICKLE_INDEX:
            shutil.copyfile(path, target / path.name)
        elif path.is_dir() and (path / "config.json").is_file():
            (target / path.name).mkdir()
            shutil.copyfile(path / "config.json", target / path.name / "config.json")
    if len(files) > 1:
        index = read_json_object(folder / PICKLE_INDEX)
        weights = {key: _new_name(name, files) for key, name in index["weight_map"].items()}
        write_json(target / WEIGHTS[1], {**index, "weight_map": weights})
