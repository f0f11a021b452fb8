"""Origins of a task's data: local files, a dataset on the Hub, or the installed package."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class OriginKind(StrEnum):
    """The kind of source that data are read from."""

    FILE = "file"
    HUB = "hub"
    PACKAGE = "installed package"


@dataclass(frozen=True)
class Origin:
    """The source of one split of a task in one language.

    Args:
        files: paths of local files.
        dataset, revision: of a dataset on the Hub.

    Its text is `file PATH, PATH`, `hub DATASET@REVISION` or `installed package`.
    """

    kind: OriginKind
    files: tuple[Path, ...] = ()
    dataset: str = ""
    revision: str = ""

    def __str__(self) -> str:
        details = {
            OriginKind.FILE: ", ".join(map(str, self.files)),
            OriginKind.HUB: f"{self.dataset}@{self.revision}",
            OriginKind.PACKAGE: "",
        }
        return f"{self.kind} {details[self.kind]}".rstrip()


PACKAGE_ORIGIN = Origin(OriginKind.PACKAGE)


def file_origin(*paths: Path) -> Origin:
    """The origin of data in local files."""
    return Origin(OriginKind.FILE, files=paths)


def hub_origin(dataset: str, revision: str) -> Origin:
    """The origin of data in a dataset on the Hub."""
    return Origin(OriginKind.HUB, dataset=dataset, revision=revision)


def needs_download(origins: tuple[Origin, ...]) -> bool:
    """Whether any of the origins of a split is on the Hub."""
    return any(origin.kind is OriginKind.HUB for origin in origins)


def is_local(origins: tuple[Origin, ...]) -> bool:
    """Whether a split is present and all of it is in local files."""
    return bool(origins) and all(origin.kind is OriginKind.FILE for origin in origins)


def local_files(origins: tuple[Origin, ...]) -> str:
    """The paths of a split's local files, separated by commas; empty if it has none."""
    return ", ".join(str(path) for origin in origins for path in origin.files)


def describe_origins(origins: tuple[Origin, ...]) -> str:
    """The origins of a split, separated by semicolons; empty if the split is missing."""
    return "; ".join(map(str, origins))
