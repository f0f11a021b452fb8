"""`represent`: vectors of a task's texts, or of its words, from an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xstilts.formats.base import IGNORED, Feature
from xstilts.formats.feature_store import occurring_ids
from xstilts.models.encoder import frozen_encoder
from xstilts.stages.base import StageContext
from xstilts.stages.io.sample import GOLD, VECTORS, sample_rows, sample_texts, sample_words
from xstilts.stages.train import encoder_files
from xstilts.training.predict import embed, embed_words


def run(context: StageContext) -> dict[str, Any]:
    """Write `vectors.npy`, float32 [n, width], and `gold.npy`, int [n]; facts: vectors.

    One vector per text (each choice is one), or per word at its first sub-word. Gold is the
    class of a text, 1 for the right choice and 0 for others, the tag of a word; -100 for none.
    Numbers as gold answers are -100 too. Layer None is the last one.
    """
    params, files = context.params, encoder_files(context)
    tokenizer, by_word = files.tokenizer(), params["unit"] == "words"
    features = sample_rows(context, tokenizer, sample_words if by_word else sample_texts)
    encoder = frozen_encoder(files)
    encoder.set_vocab(files.used_ids([occurring_ids(features)]))
    layer = params["layer"]
    if layer is None:
        layer = int(encoder.model.config.num_hidden_layers)
    if by_word:
        vectors = embed_words(encoder, features, tokenizer.pad_token_id, layer)
    else:
        way = layer, params["pooling"]
        vectors = embed(encoder, _texts(features), tokenizer.pad_token_id, [way])[way]
    gold = [target for feature in features for target in _gold(feature, by_word=by_word)]
    np.save(context.folder / VECTORS, vectors, allow_pickle=False)
    np.save(context.folder / GOLD, np.array(gold, dtype=np.int32), allow_pickle=False)
    return {"vectors": len(vectors)}


def _texts(features: Sequence[Feature]) -> list[Feature]:
    """Each text as a separate feature."""
    return [replace(text, extra_texts=()) for feature in features for text in feature.texts]


def _gold(feature: Feature, *, by_word: bool) -> list[int]:
    target = feature.target
    if isinstance(target, float):
        return [IGNORED]
    if isinstance(target, list):
        return (
            [target[position] for position in feature.words if position >= 0]
            if by_word
            else [IGNORED]
        )
    if feature.extra_texts:
        choices = range(len(feature.texts))
        return [int(choice == target) if target >= 0 else IGNORED for choice in choices]
    return [target]
