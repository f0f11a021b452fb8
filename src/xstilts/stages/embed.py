"""`embed`: sentence vectors of an encoder without a head."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.core.errors import ConfigError
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.formats.feature_store import lengths, occurring_ids
from xstilts.metrics.topk import Indices
from xstilts.models.encoder import frozen_encoder
from xstilts.stages.base import StageContext
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.io.vector_files import vectors_file
from xstilts.stages.train import encoder_files
from xstilts.training.precision import evaluation_precision, precision_notes
from xstilts.training.predict import embed

PART = 1 << 28
"""Bytes of vectors that are held in memory at once; it decides which sentences share a batch."""


def run(context: StageContext) -> dict[str, Any]:
    """Write a file of vectors, float32 [rows, width], for every layer and pooling.

    Repeated sentences are embedded once. Vectors are written in parts.
    """
    params = context.params
    files = encoder_files(context)
    tokenizer = files.tokenizer()
    reading = TokenizationConfig(max_length=params["max_length"], prompt=params.get("prompt", ""))
    if reading.prompt:
        _check_prompt(reading, tokenizer)
    rows = context.inputs["rows"]
    features = prepared(context, rows, params["format"], (), reading, tokenizer)
    precision = evaluation_precision(params)
    context.notes += precision_notes(precision)
    encoder = frozen_encoder(files, bf16=precision == "bf16")
    depth = int(encoder.model.config.num_hidden_layers)
    if wrong := [layer for layer in params["layers"] if not 0 <= layer <= depth]:
        raise ConfigError(
            f"the encoder has no layer {wrong[0]}",
            where="retrieval.layer",
            todo=f"0 is the embedding output, {depth} the last block",
        )
    encoder.set_vocab(files.used_ids([occurring_ids(features)]))
    settings = list(product(params["layers"], params["poolings"]))
    widths = {setting: encoder.vector_width(*setting) for setting in settings}
    written = {
        setting: _empty(context.folder / vectors_file(*setting), (len(features), width))
        for setting, width in widths.items()
    }
    part = max(1, PART // (4 * max(widths.values()) * len(settings)))
    for positions, index, sentences in _sentences(features, part):
        vectors_of = embed(
            *(encoder, sentences, tokenizer.pad_token_id, settings),
            final_norm=params.get("final_norm", False),
            precision=precision,
        )
        for setting, vectors in vectors_of.items():
            written[setting][positions] = vectors[index]
    return {"rows": len(features), "width": max(widths.values())}


def _check_prompt(reading: TokenizationConfig, tokenizer: Any) -> None:
    """Check that a prompt leaves the sentences at least half of the sub-words.

    Raises:
        ConfigError: it does not.
    """
    count = len(tokenizer(reading.prompt)["input_ids"])
    if 2 * count > reading.max_length:
        raise ConfigError(
            f"the prompt takes {count:,} of {reading.max_length:,} sub-words",
            where="retrieval.prompt",
            todo="use a shorter prompt, or raise retrieval.max_length",
        )


def _sentences(
    features: Sequence[Feature], most: int
) -> Iterator[tuple[Indices, Indices, list[Feature]]]:
    """Distinct sentences, the longest first, in parts of a maximum size.

    Yields the rows of a part, the index of each row's sentence in the part, and its sentences.
    """
    known: dict[bytes, int] = {}
    code = [
        known.setdefault(np.asarray(feature.ids, np.int32).tobytes(), len(known))
        for feature in features
    ]
    _, first, same = np.unique(np.array(code), return_index=True, return_inverse=True)
    order = np.argsort(-lengths(features)[first], kind="stable")
    rank = np.argsort(order)[same]
    for start in range(0, len(order), most):
        rows = np.flatnonzero((rank >= start) & (rank < start + most))
        sentences = [features[row] for row in first[order[start : start + most]].tolist()]
        yield rows, rank[rows] - start, sentences


def _empty(path: Path, shape: tuple[int, int]) -> NDArray[np.float32]:
    """A memory-mapped array file, allocated first: a full disk is an error, not a crash."""
    array_file = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    return array_file
