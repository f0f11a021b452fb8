"""Where a task's examples come from: files that the user has, else data files on the hub."""

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

DATA_SUBFOLDERS = ("", "xtreme", "intermediate", "reasoning", "xtreme-m")
"""Folders below the user's in which a task's files are looked for."""

PARQUET = "refs/convert/parquet"
"""The hub's branch with every dataset as Parquet, `CONFIG/SPLIT/0000.parquet`. It can move."""


@dataclass(frozen=True)
class Local:
    """Files below the user's folder that together hold one split in one language.

    Args:
        files: paths below the folder.
        beside: paths of files that `parse` reads as well, each beside one of `files`.
    """

    files: tuple[str, ...]
    parse: Parse
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hub:
    """Files of a Hugging Face dataset that together hold one split in one language.

    Args:
        dataset: its id; it must hold data files, as loading scripts are no longer run.
        revision: a commit; a branch where no commit is known, which may move.
        files: paths within the dataset.
        version: raise it when `parse` makes other examples of the same bytes.
    """

    dataset: str
    revision: str
    files: tuple[str, ...]
    parse: Parse
    version: int = 1


def no_hub(_split: str, _language: str) -> None:
    """The hub source of tasks that the hub does not have."""
    return


@dataclass(frozen=True)
class Sources:
    """All the places of a task's splits.

    Args:
        local: (split, language) → alternatives; the first one that is complete is read.
        hub: (split, language) → the dataset's files, none where it has none.
        folder: the user's folder.
        revisions: dataset → revision, in place of those that `hub` names.
    """

    local: Callable[[str, str], Sequence[Local]]
    hub: Callable[[str, str], Hub | None] = no_hub
    folder: Path | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    """A local alternative with its files in place."""

    local: Local
    paths: tuple[Path, ...]
    beside: tuple[Path, ...]


def with_sources(spec: TaskSpec, sources: Sources) -> TaskSpec:
    """The task read from these sources: local files where they are there, else the hub.

    Examples come in the order of the digests of what they have in common with their
    translations (`TaskSpec.pair`, their ids as a rule), so that any first n are a fair sample and
    parallel sets, whose rows are numbered alike in all languages, keep their order in common.
    The fingerprint is that of the local bytes, or of what names the hub's bytes: it never needs
    the network.
    """

    def at(folder: Path) -> TaskSpec:
        return with_sources(spec, replace(sources, folder=folder))

    def pinned(revisions: Mapping[str, str]) -> TaskSpec:
        return with_sources(spec, replace(sources, revisions={**sources.revisions, **revisions}))

    return replace(
        spec,
        read=partial(_read, spec, sources),
        fingerprint=partial(_fingerprint, sources),
        origin=partial(_origin, sources),
        with_data_dir=at,
        with_revisions=pinned if spec.hub else None,
    )


def placeholder(_split: str, _language: str) -> NoReturn:
    """Stands for `read` and `fingerprint` in a declaration until `sourced` gives the real ones."""
    raise NotImplementedError("give the task its sources with sourced()")


def _find(sources: Sources, split: str, language: str) -> _Found | Hub | None:
    """What would be read; looks for files, opens none."""
    if sources.folder is not None:
        for local in sources.local(split, language):
            for place in DATA_SUBFOLDERS:
                top = sources.folder / place
                paths, beside = _below(top, local.files), _below(top, local.beside)
                if all(path.is_file() for path in (*paths, *beside)):
                    return _Found(local, paths, beside)
    hub = sources.hub(split, language)
    if hub is None:
        return None
    return replace(hub, revision=sources.revisions.get(hub.dataset, hub.revision))


def _below(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    return tuple(folder / name for name in names)


def _origin(sources: Sources, split: str, language: str) -> str | None:
    found = _find(sources, split, language)
    if isinstance(found, _Found):
        return f"file {', '.join(map(str, found.paths))}"
    return f"hub {found.dataset}@{found.revision}" if found else None


def _fingerprint(sources: Sources, split: str, language: str) -> str:
    found = _find(sources, split, language)
    if isinstance(found, _Found):
        digests = [digest_of_unchanged(path) for path in (*found.paths, *found.beside)]
        return digest_of(["local", found.local.files, found.local.beside, digests])
    if found is None:
        return digest_of(["missing", [local.files for local in sources.local(split, language)]])
    return digest_of(["hub", found.dataset, found.revision, found.files, found.version])


def _read(spec: TaskSpec, sources: Sources, split: str, language: str) -> list[Example | BadRow]:
    found = _find(sources, split, language)
    if found is None:
        raise _missing(spec.name, sources, split, language)
    if isinstance(found, _Found):
        examples = _parsed(found.local.parse, found.paths, split)
    else:
        local = _local_names(sources, split, language)
        paths = [download(found.dataset, found.revision, file, local) for file in found.files]
        examples = _parsed(found.parse, paths, split)
    return sorted(examples, key=partial(_place, spec.alignment_key))


def _place(pair: Callable[[Any], str], example: Example | BadRow) -> int:
    return seed_of("order", example.id if isinstance(example, BadRow) else pair(example))


def _parsed(parse: Parse, paths: Sequence[Path], split: str) -> Iterator[Example | BadRow]:
    for number, path in enumerate(paths, start=1):
        yield from parse(path, split if len(paths) == 1 else f"{split}.{number}")


def _local_names(sources: Sources, split: str, language: str) -> str:
    return " or ".join(
        " + ".join((*local.files, *local.beside)) for local in sources.local(split, language)
    )


def _missing(name: str, sources: Sources, split: str, language: str) -> ConfigError | DataError:
    local = _local_names(sources, split, language)
    if sources.folder is None:
        return ConfigError(
            f"{name} is read from files that you have, and the hub has no {split} split of it"
            f" ({language})",
            where="data",
            todo=f"give the folder with {local}: data: FOLDER in the experiment, or --data FOLDER",
        )
    looked = ", ".join(str(sources.folder / place) for place in DATA_SUBFOLDERS)
    return MissingDataError(
        f"no file {local} for {name} {split} ({language}) in {looked}; the hub has none either",
        todo="put it there, or mend `data`",
    )


def download(dataset: str, revision: str, file: str, local: str) -> Path:
    """A file of a dataset on the hub; from this machine's cache where it is there.

    Args:
        local: the files that would do instead.

    Raises:
        DataError: not reachable, or there is no such dataset, revision or file.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    place = f"{dataset}@{revision}"
    instead = f"put {local} below the folder of --data" if local else "check your network"
    try:
        return Path(hf_hub_download(dataset, file, repo_type="dataset", revision=revision))
    except LocalEntryNotFoundError as error:  # an EntryNotFoundError as well
        raise DataError(
            f"the hub cannot be reached for {file} of {place}",
            todo=f"connect to the network, or {instead}",
        ) from error
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError) as error:
        what = type(error).__name__.removesuffix("NotFoundError").lower()
        raise DataError(
            f"the hub has no such {what}: {file} of {place}",
            todo=f"give another revision of {dataset}, or {instead}",
        ) from error
    except Exception as error:  # the hub's client lets its HTTP library's own errors through
        raise DataError(
            f"{file} of {place} cannot be had from the hub ({type(error).__name__}: {error})",
            todo=f"connect to the network, or {instead}",
        ) from error


def located(task: TaskSpec, data: Path | None, revisions: Mapping[str, str]) -> TaskSpec:
    """The task with the user's files in it, and the hub's at the user's revisions."""
    pinned = task.with_revisions(revisions) if task.with_revisions and revisions else task
    return pinned.with_data_dir(data) if pinned.with_data_dir and data else pinned
