"""Sources of tasks: the user's files, else data files on the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from xstilts.core.errors import ConfigError, DataError, MissingDataError
from xstilts.core.hashing import digest_of, digest_of_unchanged, seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.formats.io.readers import Parse
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import Origin, file_origin, hub_origin

DATA_SUBFOLDERS = ("", "xtreme", "intermediate", "reasoning", "xtreme-m")
"""Subfolders of the data folder that are searched for files."""

PARQUET = "refs/convert/parquet"
"""Branch of the Hub with every dataset as Parquet, `CONFIG/SPLIT/0000.parquet`; it can change."""


@dataclass(frozen=True)
class Local:
    """Local files with one split in one language.

    Args:
        files: paths relative to the data folder.
        parse: reads a file.
        companions: paths of further files that `parse` reads, in the folders of `files`.
        part: the split that `parse` selects, where a file has several splits.
    """

    files: tuple[str, ...]
    parse: Parse
    companions: tuple[str, ...] = ()
    part: str = ""


@dataclass(frozen=True)
class Hub:
    """Files of a dataset on the Hub with one split in one language.

    Args:
        dataset: its id; it must have data files, because loading scripts are not supported.
        revision: a commit, or a branch if no commit is known; a branch can change.
        files: paths in the dataset.
        parse: reads a file.
        version: increase it when `parse` returns other examples for the same bytes.
    """

    dataset: str
    revision: str
    files: tuple[str, ...]
    parse: Parse
    version: int = 1


def no_hub(_split: str, _language: str) -> None:
    """Source on the Hub of tasks that the Hub does not have."""
    return


@dataclass(frozen=True)
class Sources:
    """The sources of a task's splits.

    Args:
        local: (split, language) → alternatives; the first complete one is read.
        hub: (split, language) → files of a dataset, or None.
        folder: the user's data folder.
        revisions: dataset → revision that replaces the one of `hub`.
    """

    local: Callable[[str, str], Sequence[Local]]
    hub: Callable[[str, str], Hub | None] = no_hub
    folder: Path | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _LocalFiles:
    """A complete local alternative, with the paths of its files."""

    local: Local
    paths: tuple[Path, ...]
    companions: tuple[Path, ...]


def with_sources(spec: TaskSpec, sources: Sources) -> TaskSpec:
    """Return the task with these sources: local files if they are complete, else the Hub.

    Examples are ordered by the digest of their alignment key (usually the id), so that the first n
    are a random sample, and parallel sets have the same order in all languages. The fingerprint
    is that of the local bytes and of the part of them that is read, or of dataset, revision and
    file names on the Hub; it needs no network.
    """

    def with_data_dir(folder: Path) -> TaskSpec:
        return with_sources(spec, replace(sources, folder=folder))

    def with_revisions(revisions: Mapping[str, str]) -> TaskSpec:
        return with_sources(spec, replace(sources, revisions={**sources.revisions, **revisions}))

    return replace(
        spec,
        read=partial(_read, spec, sources),
        fingerprint=partial(_fingerprint, sources),
        origin=partial(_origin, sources),
        with_data_dir=with_data_dir,
        with_revisions=with_revisions if spec.hub else None,
    )


def placeholder(_split: str, _language: str) -> NoReturn:
    """Placeholder of `read` and `fingerprint` until `with_sources` replaces them."""
    raise NotImplementedError("set the sources of the task by with_sources()")


def _find(sources: Sources, split: str, language: str) -> _LocalFiles | Hub | None:
    """Return what would be read, without opening files."""
    if sources.folder is not None:
        for local in sources.local(split, language):
            for subfolder in DATA_SUBFOLDERS:
                top = sources.folder / subfolder
                paths, companions = _below(top, local.files), _below(top, local.companions)
                if all(path.is_file() for path in (*paths, *companions)):
                    return _LocalFiles(local, paths, companions)
    hub = sources.hub(split, language)
    if hub is None:
        return None
    return replace(hub, revision=sources.revisions.get(hub.dataset, hub.revision))


def _below(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    return tuple(folder / name for name in names)


def _origin(sources: Sources, split: str, language: str) -> tuple[Origin, ...]:
    found = _find(sources, split, language)
    if isinstance(found, _LocalFiles):
        return (file_origin(*found.paths),)
    return (hub_origin(found.dataset, found.revision),) if found else ()


def _fingerprint(sources: Sources, split: str, language: str) -> str:
    found = _find(sources, split, language)
    if isinstance(found, _LocalFiles):
        digests = [digest_of_unchanged(path) for path in (*found.paths, *found.companions)]
        part = [found.local.part] if found.local.part else []
        return digest_of(["local", found.local.files, found.local.companions, digests, *part])
    if found is None:
        return digest_of(["missing", [local.files for local in sources.local(split, language)]])
    return digest_of(["hub", found.dataset, found.revision, found.files, found.version])


def _read(spec: TaskSpec, sources: Sources, split: str, language: str) -> list[Example | BadRow]:
    found = _find(sources, split, language)
    if found is None:
        raise _missing(spec.name, sources, split, language)
    if isinstance(found, _LocalFiles):
        examples = _parsed(found.local.parse, found.paths, split)
    else:
        local = _local_names(sources, split, language)
        paths = [download(found.dataset, found.revision, file, local) for file in found.files]
        examples = _parsed(found.parse, paths, split)
    return sorted(examples, key=partial(_sort_key, spec.alignment_key))


def _sort_key(alignment_key: Callable[[Any], str], example: Example | BadRow) -> int:
    key = example.id if isinstance(example, BadRow) else alignment_key(example)
    return seed_of("order", key)


def _parsed(parse: Parse, paths: Sequence[Path], split: str) -> Iterator[Example | BadRow]:
    for number, path in enumerate(paths, start=1):
        yield from parse(path, split if len(paths) == 1 else f"{split}.{number}")


def _local_names(sources: Sources, split: str, language: str) -> str:
    return " or ".join(
        " + ".join((*local.files, *local.companions)) for local in sources.local(split, language)
    )


def _missing(name: str, sources: Sources, split: str, language: str) -> ConfigError | DataError:
    local = _local_names(sources, split, language)
    if sources.folder is None:
        return ConfigError(
            f"{name} is read from your files, and the Hub has no {split} split ({language})",
            where="data",
            todo=f"set the folder with {local}: data: FOLDER in the experiment, or --data FOLDER",
        )
    searched = ", ".join(str(sources.folder / subfolder) for subfolder in DATA_SUBFOLDERS)
    return MissingDataError(
        f"no file {local} for {name} {split} ({language}) in {searched}, nor on the Hub",
        todo="add the file, or correct `data`",
    )


def download(dataset: str, revision: str, file: str, local: str) -> Path:
    """Download a file of a dataset on the Hub, or return it from the local cache.

    Args:
        local: names of local files that can be used instead, for errors.

    Raises:
        DataError: the Hub is not reachable, or has no such dataset, revision or file.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    source = f"{dataset}@{revision}"
    instead = f"put {local} into the folder of --data" if local else "check your network"
    try:
        return Path(hf_hub_download(dataset, file, repo_type="dataset", revision=revision))
    except LocalEntryNotFoundError as error:  # an EntryNotFoundError as well
        raise DataError(
            f"the Hub cannot be reached for {file} of {source}",
            todo=f"connect to the network, or {instead}",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        what = type(error).__name__.removesuffix("NotFoundError").lower()
        raise DataError(
            f"the Hub has no such {what}: {file} of {source}",
            todo=f"use another revision of {dataset}, or {instead}",
        ) from error
    except Exception as error:  # huggingface_hub also raises the errors of its HTTP library
        raise DataError(
            f"{file} of {source} cannot be downloaded ({type(error).__name__}: {error})",
            todo=f"connect to the network, or {instead}",
        ) from error


def located(task: TaskSpec, data: Path | None, revisions: Mapping[str, str]) -> TaskSpec:
    """Return the task with the user's data folder and revisions."""
    pinned = task.with_revisions(revisions) if task.with_revisions and revisions else task
    return pinned.with_data_dir(data) if pinned.with_data_dir and data else pinned
