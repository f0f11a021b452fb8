"""Heads of texts with images, which cannot be exported."""

from __future__ import annotations

from collections.abc import Sequence

from xstilts.core.errors import EncoderError
from xstilts.export.sentence_layout import obstacle
from xstilts.models.encoder_files import EncoderFiles


def image_head_error(
    files: EncoderFiles, task: str, kind: str, others: Sequence[str]
) -> EncoderError:
    """The error for such a head, which names what can be exported of its training instead.

    Args:
        task, kind: its task, and that one's format.
        others: tasks of the training whose heads have a class.
    """
    ways = [f"another head of the training: --task {name}" for name in others[:1]]
    ways.append("the encoder of texts without a head: --without-head")
    why = obstacle(files)  # it concerns the encoder, and so every head
    return EncoderError(
        f"the head of {task} ({kind}) reads texts with images, and transformers has no class that "
        "computes it",
        todo=f"nothing of the training can be exported: {why}"
        if why
        else f"export {', or '.join(ways)}",
    )
