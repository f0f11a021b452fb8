"""The inputs of all verbs: an experiment and a store."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Sequence
from pathlib import Path

from xstilts.config.load import LoadedExperiment
from xstilts.config.load import load as load_experiment
from xstilts.core.errors import ConfigError, StoreError, UnknownNameError
from xstilts.core.store import Store
from xstilts.core.store_layout import FOLDERS, MARKER, NEW_FOLDER, OTHER_NAMES, OWN_FOLDER

DEFAULT_STORE = "xstilts-store"
YAML = (".yaml", ".yml")
OWN = frozenset((name,) for name in (MARKER, *FOLDERS, *OTHER_NAMES))
"""What a store keeps in its folder."""
AnyStore = Store | Path | str
"""A store or its folder."""


def load(
    name_or_path: Path | str,
    overrides: Sequence[str] = (),
    *,
    encoder: str | None = None,
    data: Path | str | None = None,
) -> LoadedExperiment:
    """An experiment from a YAML file or a preset's name.

    Args:
        name_or_path: the file or the preset.
        overrides: texts `a.b=value`.
        encoder: a folder or a Hugging Face name that replaces the experiment's encoder, or the
            label or name of one of its `encoders`.
        data: a folder that replaces the experiment's `data`.

    Raises:
        ConfigError: with file and line.
    """
    changes = []
    if data is not None:
        path = str(Path(data).expanduser().absolute())
        changes.append(f"data={json.dumps(path, ensure_ascii=False)}")
    return load_experiment(str(name_or_path), [*changes, *overrides], encoder)


def data_folder(data: Path | str | None) -> Path | None:
    """The folder of the user's data; None without one.

    Raises:
        ConfigError: there is no such folder.
    """
    folder = Path(data).expanduser().absolute() if data else None
    if folder and not folder.is_dir():
        raise ConfigError(
            f"there is no folder {folder}", where="--data", todo="correct the path of your data"
        )
    return folder


def experiment_file(name: str) -> LoadedExperiment | None:
    """The experiment in a YAML file; None if the text is a name and not the path of a file.

    Raises:
        ConfigError: no such file, or no experiment.
    """
    path = Path(name)
    is_file = path.suffix in YAML or ("/" in name and path.is_file())
    return load(path) if is_file else None


def experiment_name(name: str, known: Collection[str]) -> str:
    """The name of the experiment in a file; the text itself if it is no path or a known name.

    Raises:
        ConfigError: no such file, or no experiment.
    """
    file = None if name in known else experiment_file(name)
    return file.experiment.name if file else name


def with_own_tasks(error: UnknownNameError, option: str) -> UnknownNameError:
    """The error of an unknown task, with the option that names an experiment with own tasks.

    It has no list of all tasks, which would hide what to do.
    """
    near = f"did you mean {error.nearest!r}?" if error.nearest else ""
    error.todo = (
        f"{near or '`xstilts tasks` lists those of packages;'} for a custom task: {option} "
        "FILE, the experiment that defines it"
    )
    return error


def open_store(store: AnyStore | None = None, todo: str = NEW_FOLDER) -> Store:
    """A store: the one given, else $XSTILTS_STORE, else ./xstilts-store.

    Args:
        todo: what to do if the folder holds something else.

    Raises:
        StoreError: the folder holds something else than a store.
    """
    if isinstance(store, Store):
        return store
    return Store(store or os.environ.get("XSTILTS_STORE") or DEFAULT_STORE).check(todo)


def existing_store(store: AnyStore | None = None) -> Store:
    """The store that `open_store` returns, which must exist.

    Raises:
        StoreError: it does not, or the folder holds something else than a store.
    """
    opened = open_store(store, OWN_FOLDER)
    if not opened.root.is_dir():
        raise StoreError(f"there is no store in {opened.root}", todo=OWN_FOLDER)
    return opened


def check_output(
    path: Path | str | None, loaded: LoadedExperiment | None, store: AnyStore | None = None
) -> None:
    """Check that an output file would replace neither the experiment nor a part of the store.

    Raises:
        ConfigError: it is the experiment's file, or lies where the store keeps its own.
    """
    if not path:
        return
    output, root = Path(path).resolve(), open_store(store).root.resolve()
    owner = ""
    if loaded and output == Path(loaded.origin).resolve():
        owner = "the file of the experiment, which would be replaced"
    elif output.is_relative_to(root) and output.relative_to(root).parts[:1] in OWN:
        owner = f"a file of the store {root}"
    if owner:
        raise ConfigError(f"{path} is {owner}", where="--out", todo="give another file")
