"""The form that targets in many languages share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xstilts.tasks.base import TaskSpec
from xstilts.tasks.io.sources import Local, Sources, placeholder, with_sources


def multilingual_task(
    name: str,
    kind: str,
    *,
    rows: Mapping[str, Mapping[str, int]],
    local: Callable[[str, str], Sequence[Local]],
    labels: tuple[str, ...],
    subwords: int,
    train_task: str = "",
    translates: tuple[tuple[str, str], ...] = (),
    left_out: tuple[str, ...] = (),
    summary: str,
    licence: str,
    citation: str,
) -> TaskSpec:
    """A target in many languages that is read from the user's files, scored by accuracy.

    Args:
        name: the task's.
        kind: its format.
        rows: split → language → number of examples.
        local: (split, language) → alternatives of files.
        labels: in the order of the classes.
        subwords: of a typical example, all its texts together; a round figure.
        train_task: the task that gives it training data, where it has none of its own.
        translates: (task, split) whose examples it has, in translation or as they are.
        left_out: what its benchmark shows beside, such as `image`.
        summary: what is asked, in a line.
        licence: of the data, as far as it is known.
        citation: the paper.
    """
    spec = TaskSpec(
        name=name,
        version=1,
        format=kind,
        splits={split: tuple(sizes) for split, sizes in rows.items()},
        labels=labels,
        metrics=("accuracy",),
        read=placeholder,
        fingerprint=placeholder,
        summary=summary,
        source=f"files of {name}",
        licence=licence,
        citation=citation,
        sizes={
            (split, code): size for split, sizes in rows.items() for code, size in sizes.items()
        },
        subwords=subwords,
        train_task=train_task,
        translates=translates,
        missing_modalities=left_out,
    )
    return with_sources(spec, Sources(local))


def alike(codes: str, size: int) -> dict[str, int]:
    """The number of examples by language, the same for all."""
    return dict.fromkeys(codes.split(), size)
