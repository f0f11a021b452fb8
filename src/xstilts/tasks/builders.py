"""Builders of tasks that are read from the user's files or the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from xstilts.tasks.base import BY_ID, TaskSpec
from xstilts.tasks.io.sources import Hub, Local, Sources, no_hub, placeholder, with_sources

ENGLISH = "en"
NLI_LABELS = ("contradiction", "entailment", "neutral")
"""XTREME's order of the NLI classes. All NLI tasks use it, so that they can share a head."""
HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
"""Split → its usual name on the Hub."""


def task(
    *,
    name: str,
    format: str,
    sizes: Mapping[str, Mapping[str, int | None]],
    local: Callable[[str, str], Sequence[Local]],
    hub: Callable[[str, str], Hub | None] = no_hub,
    dataset: str = "",
    source: str = "",
    version: int = 1,
    labels: Sequence[str] = (),
    metrics: tuple[str, ...] = ("accuracy",),
    subwords: int,
    train_task: str = "",
    includes_data_of: tuple[str, ...] = (),
    translates: tuple[tuple[str, str], ...] = (),
    unlabelled: tuple[str, ...] = (),
    missing_modalities: tuple[str, ...] = (),
    pool_split: str = ENGLISH,
    pool_parts: tuple[str, ...] = (),
    pool_sizes: Mapping[tuple[str, str], int] | None = None,
    alignment_key: Callable[[Any], str] = BY_ID,
    summary: str,
    licence: str,
    citation: str,
) -> TaskSpec:
    """Build a task from its sources.

    Args:
        name, format, version, labels, metrics: as in `TaskSpec`.
        sizes: split → language → number of examples, None if unknown.
        local: (split, language) → alternatives of files; the first complete one is read.
        hub: (split, language) → files of a dataset on the Hub.
        dataset: the dataset on the Hub; empty if there is none.
        source: where the files are from; the dataset by default.
        subwords: of a typical example with all its texts; a round number.
        train_task, includes_data_of, translates, unlabelled, missing_modalities, pool_split,
            pool_parts, alignment_key: as in `TaskSpec`.
        pool_sizes: (split, side) → number of candidates, for sides that are not in `sizes`.
        summary: the question that the task asks, in a line.
        licence: of the data, as far as it is known.
        citation: of the paper.
    """
    spec = TaskSpec(
        name=name,
        version=version,
        format=format,
        splits={split: tuple(by_language) for split, by_language in sizes.items()},
        labels=tuple(labels),
        metrics=metrics,
        read=placeholder,
        fingerprint=placeholder,
        summary=summary,
        source=source or dataset or f"files of {name}",
        licence=licence,
        citation=citation,
        sizes={
            (split, language): size
            for split, by_language in sizes.items()
            for language, size in by_language.items()
            if size is not None
        }
        | dict(pool_sizes or {}),
        subwords=subwords,
        train_task=train_task,
        includes_data_of=includes_data_of,
        pool_split=pool_split,
        pool_parts=pool_parts,
        hub=dataset,
        alignment_key=alignment_key,
        unlabelled=unlabelled,
        translates=translates,
        missing_modalities=missing_modalities,
    )
    return with_sources(spec, Sources(local, hub))


def english_task(
    *,
    sizes: Mapping[str, int | None],
    local: Callable[[str], Sequence[Local]],
    hub: Callable[[str], Hub | None] = lambda _split: None,
    **fields: Any,
) -> TaskSpec:
    """Build a task that is only in English.

    Args:
        sizes: split → number of examples, None if unknown.
        local: split → alternatives of files.
        hub: split → files of a dataset on the Hub.
        fields: other arguments of `task`.
    """
    return task(
        sizes={split: {ENGLISH: size} for split, size in sizes.items()},
        local=lambda split, _language: local(split),
        hub=lambda split, _language: hub(split),
        **fields,
    )


def names(text: str) -> tuple[str, ...]:
    """Return the space-separated names in a text, such as language codes."""
    return tuple(text.split())


def same_size(languages: Sequence[str], size: int | None) -> dict[str, int | None]:
    """Return language → size, for languages whose sets have one size."""
    return dict.fromkeys(languages, size)
