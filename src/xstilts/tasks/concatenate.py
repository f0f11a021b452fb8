"""Concatenation of tasks that share a head."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain
from pathlib import Path

from xstilts.core.hashing import digest_of, seed_of
from xstilts.formats.base import BadRow, Example
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.origin import Origin


def concatenate(spec: TaskSpec, parts: Iterable[TaskSpec]) -> TaskSpec:
    """Return a task whose splits are the concatenated splits of its parts.

    Ids are prefixed by the name of the part. A split is available if all parts have it.

    Args:
        spec: all other fields of the task.
    """
    parts = tuple(parts)

    def read(split: str, language: str) -> list[Example | BadRow]:
        examples = [
            replace(example, id=f"{part.name}:{example.id}")
            for part in parts
            for example in part.read(split, language)
        ]
        return sorted(examples, key=lambda example: seed_of("order", example.id))

    def fingerprint(split: str, language: str) -> str:
        return digest_of(
            [[part.name, part.version, part.fingerprint(split, language)] for part in parts]
        )

    def origin(split: str, language: str) -> tuple[Origin, ...]:
        origins = [part.origin(split, language) for part in parts]
        return tuple(chain.from_iterable(origins)) if all(origins) else ()

    def with_data_dir(folder: Path) -> TaskSpec:
        return concatenate(
            spec, [part.with_data_dir(folder) if part.with_data_dir else part for part in parts]
        )

    def with_revisions(revisions: Mapping[str, str]) -> TaskSpec:
        return concatenate(
            spec,
            [part.with_revisions(revisions) if part.with_revisions else part for part in parts],
        )

    return replace(
        spec,
        read=read,
        fingerprint=fingerprint,
        origin=origin,
        with_data_dir=with_data_dir,
        with_revisions=with_revisions,
    )
