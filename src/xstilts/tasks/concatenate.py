"""Tasks that are several tasks at once, on one head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from xstilts.core.hashing import digest_of, seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.tasks.base import TaskSpec


def concatenate(spec: TaskSpec, parts: Iterable[TaskSpec]) -> TaskSpec:
    """The task whose splits are those of all parts together; ids start with the part's name.

    A split of it is there only where it is there in every part.
    """
    parts = tuple(parts)

    def read(split: str, language: str) -> list[Example | BadRow]:
        found = [
            replace(example, id=f"{part.name}:{example.id}")
            for part in parts
            for example in part.read(split, language)
        ]
        return sorted(found, key=lambda example: seed_of("order", example.id))

    def fingerprint(split: str, language: str) -> str:
        return digest_of(
            [[part.name, part.version, part.fingerprint(split, language)] for part in parts]
        )

    def origin(split: str, language: str) -> str | None:
        found = [part.origin(split, language) for part in parts]
        return None if None in found else "; ".join(filter(None, found))

    def at(folder: Path) -> TaskSpec:
        return concatenate(
            spec, [part.with_data_dir(folder) if part.with_data_dir else part for part in parts]
        )

    def pinned(revisions: Mapping[str, str]) -> TaskSpec:
        return concatenate(
            spec,
            [part.with_revisions(revisions) if part.with_revisions else part for part in parts],
        )

    return replace(
        spec,
        read=read,
        fingerprint=fingerprint,
        origin=origin,
        with_data_dir=at,
        with_revisions=pinned,
    )
