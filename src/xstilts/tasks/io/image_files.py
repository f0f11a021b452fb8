"""Images in a folder or a ZIP file."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from xstilts.core.errors import DataError
from xstilts.core.hashing import digest_of, digest_of_unchanged
from xstilts.tasks.image_source import ImageProblem

MAX_BYTES = 50_000_000
"""Bytes of an image file, at most."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm")
"""Suffixes of images, in any case; ids may lack them. Fingerprints cover no other files."""
MAX_NAME = 250
"""Bytes of a part of an id, at most: file systems allow 255 with the suffix."""
HASHED = 500_000_000
"""Bytes of a folder up to which its fingerprint reads them; of larger ones, it has the sizes."""
FRESH = 5.0
"""Seconds that a fingerprint of a folder is kept: one plan needs it for every language."""
MISSING, OUTSIDE, AMBIGUOUS, TOO_LARGE, NO_SUFFIX = (
    "no such image",
    "image id outside its folder",
    "several images of one id",
    "image file too large",
    "image file without a suffix of images",
)

_fingerprints: dict[Path, tuple[float, str]] = {}


@dataclass(frozen=True)
class FolderImages:
    """Images in a folder and its subfolders; an id is a path in it, with or without suffix."""

    folder: Path

    def read(self, image_id: str) -> bytes:
        """The bytes of an image file.

        Raises:
            ImageProblem: it is missing, ambiguous, too large, outside the folder, or has a suffix
                that fingerprints do not cover.
        """
        path = self._path(image_id)
        try:
            with path.open("rb") as file:
                return checked_size(file.read(MAX_BYTES + 1), str(path))
        except OSError as error:
            raise ImageProblem("unreadable image", f"{path}: {error.strerror}") from error

    def where(self, image_id: str) -> str:
        """The file of an image, for messages."""
        return str(self.folder / image_id)

    def fingerprint(self) -> str:
        """Digest of the names and bytes of all images; of more than 500 MB, names and sizes."""
        known = _fingerprints.get(self.folder)
        if known is None or time.monotonic() - known[0] > FRESH:
            known = _fingerprints[self.folder] = time.monotonic(), self._fingerprint()
        return known[1]

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids as they are."""
        return list(image_ids)

    def _path(self, image_id: str) -> Path:
        check_id(image_id)
        given = self.folder / image_id
        exists = os.path.lexists(given) and not given.is_dir()
        found = [given] if exists and is_image(image_id) else self._with_suffix(given)
        if not found and exists:
            raise ImageProblem(NO_SUFFIX, f"{given}: rename it, such as to {given.name}.jpg")
        if not found:
            raise ImageProblem(MISSING, str(given))
        if len(found) > 1:
            raise ImageProblem(AMBIGUOUS, ", ".join(map(str, found)))
        (path,) = found
        try:
            resolved = path.resolve(strict=True)
        except (OSError, RuntimeError):  # a link to nothing, or a circle of links
            raise ImageProblem(MISSING, f"{path} is a broken link") from None
        if not resolved.is_relative_to(self._root):
            raise ImageProblem(OUTSIDE, f"{path} is a link to {resolved}")
        if not resolved.is_file():
            raise ImageProblem(MISSING, f"{path} is not a file")
        return resolved

    def _with_suffix(self, path: Path) -> list[Path]:
        named = map(path.with_name, with_suffixes(path.name))
        return [candidate for candidate in named if os.path.lexists(candidate)]

    @cached_property
    def _root(self) -> Path:
        return self.folder.resolve()

    def _fingerprint(self) -> str:
        files = sorted(self._files())
        if sum(size for _, size in files) > HASHED:
            return digest_of(["folder", "sizes", files])
        root = str(self.folder)
        digests = [digest_of_unchanged(Path(root, name)) for name, _ in files]
        return digest_of(["folder", [name for name, _ in files], digests])

    def _files(self) -> Iterator[tuple[str, int]]:
        """Relative path and size of every image; links to folders are not followed."""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if is_image(name) and os.path.isfile(path):
                    yield Path(path).relative_to(self.folder).as_posix(), os.path.getsize(path)


@dataclass(frozen=True)
class ZipImages:
    """Images in a ZIP file; an id is a path in it, with or without suffix.

    Args:
        prefix: of the paths in the file, such as a folder that has all images.
    """

    path: Path
    prefix: str = ""

    def read(self, image_id: str) -> bytes:
        """The bytes of an image file.

        Raises:
            ImageProblem: it is missing, ambiguous, damaged or too large.
            DataError: the ZIP file cannot be opened.
        """
        entry = self._entry(image_id)
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(entry) as file:
                return checked_size(file.read(MAX_BYTES + 1), self.where(image_id))
        except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
            detail = f"{self.where(image_id)}: {error}"
            raise ImageProblem("unreadable image", detail) from error

    def where(self, image_id: str) -> str:
        """The file of an image, for messages."""
        return f"{self.path}: {self.prefix}{image_id}"

    def fingerprint(self) -> str:
        """Digest of the names, sizes and checksums of all images."""
        entries = sorted((name, one.file_size, one.CRC) for name, one in self._entries.items())
        return digest_of(["zip", entries])

    def reading_order(self, image_ids: Sequence[str]) -> list[str]:
        """The ids in the order of the file."""
        position = {name: number for number, name in enumerate(self._entries)}
        return sorted(image_ids, key=lambda image_id: position.get(image_id, len(position)))

    def _entry(self, image_id: str) -> zipfile.ZipInfo:
        check_id(image_id)
        names = [image_id] if image_id in self._entries else [*with_suffixes(image_id)]
        found = [name for name in names if name in self._entries]
        if not found:
            raise ImageProblem(MISSING, self.where(image_id))
        if len(found) > 1:
            raise ImageProblem(AMBIGUOUS, f"{self.path}: {', '.join(found)}")
        return self._entries[found[0]]

    @cached_property
    def _entries(self) -> dict[str, zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(self.path) as archive:
                return {
                    entry.filename.removeprefix(self.prefix): entry
                    for entry in archive.infolist()
                    if not entry.is_dir() and entry.filename.startswith(self.prefix)
                }
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(
                f"the ZIP file cannot be read: {error}",
                where=str(self.path),
                todo="copy or download it again",
            ) from error


def is_image(name: str) -> bool:
    """Whether a file's name has a suffix of images."""
    return name.lower().endswith(SUFFIXES)


def with_suffixes(name: str) -> Iterator[str]:
    """The names that a file of an id without suffix may have."""
    for suffix in SUFFIXES:
        yield from (name + suffix, name + suffix.upper())


def check_id(image_id: str) -> None:
    """Check that an image id is a path below its folder.

    Raises:
        ImageProblem: it is empty, absolute, or leaves the folder.
    """
    parts = PurePosixPath(image_id).parts
    if not image_id.strip():
        raise ImageProblem("no image id")
    if ".." in parts or image_id.startswith("/") or set(image_id) & {"\\", "\0"}:
        raise ImageProblem(OUTSIDE, repr(image_id))
    if any(len(part.encode(errors="surrogatepass")) > MAX_NAME for part in parts):
        raise ImageProblem(MISSING, f"{image_id[:40]!r}… is too long a name")


def checked_size(data: bytes, where: str) -> bytes:
    """The bytes of an image file.

    Raises:
        ImageProblem: there are too many.
    """
    if len(data) > MAX_BYTES:
        raise ImageProblem(TOO_LARGE, f"{where}: more than {MAX_BYTES:,} bytes")
    return data
