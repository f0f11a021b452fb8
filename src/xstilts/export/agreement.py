"""Agreement of an exported folder with the model of the store, on texts of random sub-words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch
import transformers
from torch import Tensor
from transformers import AutoTokenizer

from xstilts.core.errors import EncoderError
from xstilts.export.task_head import TaskHead
from xstilts.formats.base import Feature
from xstilts.models.encoder import Encoder, layer_outputs
from xstilts.models.encoder_files import MASKED_HEAD, EncoderFiles, model_class
from xstilts.models.heads import MaskedHead
from xstilts.models.masked_head_files import set_head_functions
from xstilts.models.pooling import pool
from xstilts.models.sentence_modules import sentence_output
from xstilts.training.batching import Batch, collate
from xstilts.training.multitask_model import MultiTaskModel, module_name

TOLERANCE = 1e-4
"""Largest difference in proportion to the largest logit; rounding of deep models is below it."""
TEXTS = ("One text, with 2 sentences. Here.", "Another text")
LENGTHS = (3, 7, 12, 24, 40)
"""Sub-words of the texts that are compared, if the encoder can read as many."""


class Difference(NamedTuple):
    """The largest difference between two models.

    Args:
        largest: absolute.
        scale: the largest absolute output.
    """

    largest: float
    scale: float

    def check(self, what: str) -> None:
        """Check that it is rounding.

        Raises:
            EncoderError: it is larger.
        """
        if not self.largest <= TOLERANCE * max(1.0, self.scale):
            raise EncoderError(
                f"{what} gives different numbers from the trained model: they differ by "
                f"{self.largest:.2g}, and the largest is {self.scale:.2g}",
                todo="report it with the type of the encoder; nothing was exported",
            )


def example_batch(files: EncoderFiles) -> Batch:
    """Texts of random sub-words, half of them with embeddings that were trained."""
    draw, tokenizer, config = random.Random("agreement"), files.tokenizer(), files.config()
    special = set(tokenizer.all_special_ids)
    every = [one for one in range(len(files.full_embeddings())) if one not in special]
    trained = [one for one in files.trained_rows().ids.tolist() if one not in special] or every
    positions = getattr(config, "max_position_embeddings", None) or max(LENGTHS) + 8
    lengths = [length for length in LENGTHS if length + 8 <= positions] or LENGTHS[:1]
    segments = 2 if getattr(config, "type_vocab_size", 0) > 1 else 1
    features = [
        Feature(
            str(length),
            [draw.choice(trained if draw.random() < 0.5 else every) for _ in range(length)],
            [position * segments // length for position in range(length)],
            0,
        )
        for length in lengths
    ]
    return collate(features, tokenizer.pad_token_id)


def check_tokenizer(folder: Path, files: EncoderFiles) -> None:
    """Check that the tokenizer of a folder reads texts and pairs as in training, by default.

    Raises:
        EncoderError: it gives other sub-words or segments.
    """
    opened = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    own = files.tokenizer()
    segments = getattr(files.config(), "type_vocab_size", 0) > 1
    for texts in (TEXTS[:1], TEXTS):
        expected = own(*texts, return_token_type_ids=True)
        given = opened(*texts)
        names = ("input_ids", *(("token_type_ids",) if any(expected["token_type_ids"]) else ()))
        for name in names if segments else names[:1]:
            if given.get(name) != expected[name]:
                raise EncoderError(
                    f"the exported tokenizer gives other {name} than in training",
                    todo="report it with the type of the tokenizer; nothing was exported",
                )


def _encoder(files: EncoderFiles, batch: Batch) -> Encoder:
    return Encoder(files, files.used_ids(batch.ids.tolist())).eval().requires_grad_(False)


def task_logits(files: EncoderFiles, head: TaskHead, batch: Batch) -> Tensor:
    """The logits of the model of the store; of a masked LM head those of all tokens, [n, v]."""
    if head.is_masked_lm:
        return masked_logits(files, head, batch)
    model = _restored(_encoder(files, batch), head)
    with torch.no_grad():
        logits: Tensor = model(head.task, batch.ids, batch.mask, batch.types)
    return logits


def masked_logits(files: EncoderFiles, head: TaskHead, batch: Batch) -> Tensor:
    """The logits of a masked LM head of the store for all tokens that are no padding, [n, v]."""
    vocabulary = torch.arange(len(files.full_embeddings()))
    model = _restored(Encoder(files, vocabulary), head)
    if (files.root / MASKED_HEAD).is_file():
        own = cast("MaskedHead", model.heads[module_name(head.task)])
        set_head_functions(own, files.config())
    with torch.no_grad():
        tied = model(head.task, batch.ids, batch.mask, batch.types, batch.mask == 1)
        logits: Tensor = tied.hidden @ tied.embeddings.T + tied.bias
    return logits


def _restored(encoder: Encoder, head: TaskHead) -> MultiTaskModel:
    """The encoder with its trained head, for evaluation."""
    model = MultiTaskModel(encoder, {head.task: head.shape})
    model.heads.load_state_dict(
        {f"{module_name(head.task)}.{name}": value for name, value in head.weights.items()}
    )
    return model.eval().requires_grad_(False)


def compare_task(
    folder: Path, auto_class: str, files: EncoderFiles, head: TaskHead, batch: Batch
) -> Difference:
    """The difference between a folder, opened by its class, and the model of the store."""
    model = _opened(folder, auto_class)
    inputs = _inputs(model, batch)
    if auto_class == "AutoModelForMultipleChoice":
        inputs = {name: value[None] for name, value in inputs.items()}
    with torch.no_grad():
        output = model(**inputs)
    if auto_class == "AutoModelForQuestionAnswering":
        logits = torch.stack([output.start_logits, output.end_logits], dim=-1)
    else:
        logits = output.logits
    expected = task_logits(files, head, batch)
    if auto_class == "AutoModelForMultipleChoice":
        logits = logits[0][:, None]
    if head.is_masked_lm:
        logits = logits[batch.mask == 1]
    elif not head.is_sentence_head:
        logits, expected = (value[batch.mask == 1] for value in (logits, expected))
    return _difference(logits, expected)


def compare_sentences(
    folder: Path,
    files: EncoderFiles,
    pooling: str,
    batch: Batch,
    head: TaskHead | None = None,
    layer: int | None = None,
) -> Difference:
    """The same for the layout of sentence-transformers: sentence vectors, or logits of a head.

    Args:
        layer: the last block of the folder; none for all.
    """
    model = _opened(folder, model_class(files.config()).__name__)
    with torch.no_grad():
        states = layer_outputs(model(**_inputs(model, batch)))[-1]
        if head:
            expected = task_logits(files, head, batch)
        else:
            inputs = batch.ids, batch.mask, batch.types
            encoder = _encoder(files, batch)
            own = encoder(*inputs) if layer is None else encoder.hidden_states(*inputs)[layer]
            expected = pool(own, batch.mask, pooling)
            expected = encoder.projected(expected, pooling) if layer is None else expected
    return _difference(sentence_output(folder, states, batch.mask), expected)


def _opened(folder: Path, name: str) -> Any:
    opened = getattr(transformers, name)
    return opened.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False).eval()


def _inputs(model: Any, batch: Batch) -> dict[str, Tensor]:
    inputs = {"input_ids": batch.ids, "attention_mask": batch.mask}
    if getattr(model.config, "type_vocab_size", 0) > 0:
        inputs["token_type_ids"] = batch.types
    return inputs


def _difference(logits: Tensor, expected: Tensor) -> Difference:
    if logits.shape != expected.shape:
        raise EncoderError(
            f"the exported model's logits have the shape {list(logits.shape)}, not "
            f"{list(expected.shape)}"
        )
    return Difference(float((logits - expected).abs().max()), float(expected.abs().max()))
