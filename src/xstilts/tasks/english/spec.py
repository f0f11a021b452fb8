"""The form that all English tasks share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import Hub, Local, Sources, no_hub, placeholder, with_sources

ENGLISH = "en"
NLI = ("contradiction", "entailment", "neutral")
"""XTREME's order of the NLI classes, in all NLI tasks: they can share a head."""

HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def english_task(
    name: str,
    kind: str,
    *,
    splits: Mapping[str, int | None],
    local: Callable[[str], tuple[Local, ...]],
    hub: Callable[[str], Hub | None] = lambda _split: None,
    labels: tuple[str, ...] = (),
    metrics: tuple[str, ...] = ("accuracy",),
    dataset: str = "",
    subwords: int,
    holds: tuple[str, ...] = (),
    summary: str,
    licence: str,
    citation: str,
) -> TaskSpec:
    """A task in English with its sources.

    Args:
        name: the task's.
        kind: its format.
        splits: split → number of its examples, where known.
        local: split → alternatives of files.
        hub: split → the hub's files.
        labels: in the order of the classes.
        metrics: the main one first.
        dataset: the hub dataset.
        subwords: of a typical example, all its texts together; a round figure.
        holds: tasks whose training data are part of its own.
        summary: what is asked, in a line.
        licence: of the data, as far as it is known.
        citation: the paper.
    """
    spec = TaskSpec(
        name=name,
        version=1,
        format=kind,
        splits=dict.fromkeys(splits, (ENGLISH,)),
        labels=labels,
        metrics=metrics,
        read=placeholder,
        fingerprint=placeholder,
        source=dataset or f"files of {name}",
        sizes={(split, ENGLISH): size for split, size in splits.items() if size is not None},
        hub=dataset,
        subwords=subwords,
        includes_data_of=holds,
        summary=summary,
        licence=licence,
        citation=citation,
    )
    on_hub = (lambda split, _language: hub(split)) if dataset else no_hub
    return with_sources(spec, Sources(lambda split, _language: local(split), on_hub))
