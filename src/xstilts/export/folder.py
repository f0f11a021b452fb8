"""The folder of an exported model, with its weights, layout and proof of agreement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import torch
from torch import Tensor
from transformers.utils import logging as transformers_logging

from xstilts.core.errors import EncoderError
from xstilts.export.agreement import (
    Difference,
    check_tokenizer,
    compare_sentences,
    compare_task,
    example_batch,
)
from xstilts.export.head_layers import NotRepresentable
from xstilts.export.hugging_face import encoder_model, save_model, task_model
from xstilts.export.sentence_layout import obstacle, write_layout
from xstilts.export.task_head import AUTO_CLASSES, TOKEN, TaskHead
from xstilts.export.vector_reading import VectorReading
from xstilts.models.encoder import joint_projection
from xstilts.models.encoder_config import FIRST, LAST
from xstilts.models.encoder_files import EncoderFiles, model_class

SENTENCE_TRANSFORMER = "SentenceTransformer"


@dataclass(frozen=True)
class WrittenModel:
    """What was written to a folder.

    Args:
        opens_with: names of the classes that open it, the fullest first.
        pipeline: the task of the hub.
        difference: from the model in the store.
        notes: what a user must know.
        max_length: sub-words that a text is cut at; none: those of the tokenizer.
    """

    opens_with: tuple[str, ...]
    pipeline: str
    difference: Difference
    notes: tuple[str, ...] = ()
    head: TaskHead | None = field(default=None, compare=False)
    max_length: int | None = None

    @property
    def opened_by(self) -> str:
        """The package that opens it, by its name on the hub."""
        is_sentence = self.opens_with[0] == SENTENCE_TRANSFORMER
        return "sentence-transformers" if is_sentence else "transformers"


def write_model(
    folder: Path, files: EncoderFiles, head: TaskHead | None, reading: VectorReading
) -> WrittenModel:
    """Write a model, open it again, and compare it with the one in the store.

    Args:
        head: none for the encoder alone.

    Raises:
        NotRepresentable: no class of transformers, and no layers, compute the head.
        EncoderError: what was written gives other numbers.
    """
    with _quiet(), torch.no_grad():
        written = _written(folder, files, head, reading)
        check_tokenizer(folder, files)
        return replace(written, max_length=reading.max_length)


def _written(
    folder: Path, files: EncoderFiles, head: TaskHead | None, reading: VectorReading
) -> WrittenModel:
    if head is None:
        return _write_encoder(folder, files, reading)
    try:
        return _write_task(folder, files, head, reading)
    except NotRepresentable as error:
        if not head.is_sentence_head:
            error.todo = error.todo or "export the encoder without its head: --without-head"
            raise
        return _write_sentence_head(folder, files, head, reading, error.what)


def _write_task(
    folder: Path, files: EncoderFiles, head: TaskHead, reading: VectorReading
) -> WrittenModel:
    auto_class, model = task_model(files, head)
    save_model(folder, files, model, reading.max_length)
    del model
    difference = compare_task(folder, auto_class, files, head, example_batch(files))
    difference.check(f"{auto_class} of the exported folder")
    notes = []
    pipeline = AUTO_CLASSES[head.format].pipeline
    if head.format == "span" and auto_class == TOKEN:
        notes.append(
            "transformers has no class for questions of this architecture: the two labels of the "
            "token classifier are the start and the end of the answer"
        )
        pipeline = "token-classification"
    return WrittenModel((auto_class,), pipeline, difference, tuple(notes), head)


def _write_sentence_head(
    folder: Path, files: EncoderFiles, head: TaskHead, reading: VectorReading, why: str
) -> WrittenModel:
    """Write the encoder and the head as dense layers of sentence-transformers."""
    _check_opens(files)
    save_model(folder, files, encoder_model(files), reading.max_length)
    write_layout(
        folder,
        _width(files),
        head.pooling,
        max_length=reading.max_length,
        head=head,
    )
    difference = compare_sentences(folder, files, head.pooling, example_batch(files), head)
    difference.check("the exported folder")
    note = f"{why}. The head is two dense layers of sentence-transformers: `encode` gives logits"
    if head.pooling != FIRST:
        note += "; trainings with encoder.pooling: cls have the classes' own heads where these fit"
    pipeline = AUTO_CLASSES[head.format].pipeline
    return WrittenModel(
        (SENTENCE_TRANSFORMER, _encoder_class(files)), pipeline, difference, (note,), head
    )


def _write_encoder(folder: Path, files: EncoderFiles, reading: VectorReading) -> WrittenModel:
    _check_opens(files)
    model = encoder_model(files, reading.layer)
    save_model(folder, files, model, reading.max_length)
    projection = joint_projection(model) if reading.pooling == LAST else None
    write_layout(
        folder,
        _width(files),
        reading.pooling,
        max_length=reading.max_length,
        prompt=reading.prompt,
        similarity=reading.similarity,
        projection=None if projection is None else cast("Tensor", projection.weight),
    )
    batch = example_batch(files)
    difference = compare_sentences(folder, files, reading.pooling, batch, layer=reading.layer)
    difference.check("the exported folder")
    opens_with = (SENTENCE_TRANSFORMER, _encoder_class(files))
    return WrittenModel(opens_with, "sentence-similarity", difference)


def _check_opens(files: EncoderFiles) -> None:
    if why := obstacle(files):
        raise EncoderError(
            f"the training cannot be exported: {why}",
            todo="export a training of an encoder of texts or of CLIP; what this one predicted "
            "stays in the store",
        )


def _width(files: EncoderFiles) -> int:
    return int(files.config().hidden_size)


def _encoder_class(files: EncoderFiles) -> str:
    return str(model_class(files.config()).__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own progress bars and its warnings of heads that are left out."""
    level, bars = transformers_logging.get_verbosity(), transformers_logging.is_progress_bar_enabled
    shown = bars()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if shown:
            transformers_logging.enable_progress_bar()
