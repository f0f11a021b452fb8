"""Tatoeba in 36 languages, from texts to neighbours, against sentence-transformers.

Both directions of every language: sub-words, vectors (last block, mean) and the nearest
sentence of the other side. `--size`: sentences of each language.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sentence_transformers import SentenceTransformer, util
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

from bench.cli import Options, program
from bench.encoders import encoder
from bench.examples import bitext
from bench.machine import Peak, device, every_core, has_gpu, product_note
from bench.timing import Measurement, Row, alternate, ratios
from xstilts.formats.base import TokenizationConfig, id_lists
from xstilts.formats.retrieval import RETRIEVAL
from xstilts.metrics.knn import Indices, Vectors, bidirectional_knn, unit
from xstilts.models.encoder import Encoder
from xstilts.models.vocab_view import used_ids
from xstilts.tasks.xtreme.tatoeba import LANGUAGES as TATOEBA_LANGUAGES
from xstilts.training.predict import embed

Side = tuple[list[str], list[str]]
Neighbours = dict[str, tuple[Indices, Indices]]
TIE = 1e-4
"""Cosines whose difference is below this are equal."""


class Setting:
    """The sentences of every language and their English translations."""

    def __init__(self, options: Options) -> None:
        codes = TATOEBA_LANGUAGES[:3] if options.tiny else TATOEBA_LANGUAGES
        size = options.size or 40
        self.sides: dict[str, Side] = {}
        for code in codes:
            here, english = bitext(options, code)
            self.sides[code] = here[:size], english[:size]
        self.weights = encoder(options)
        self.length = min(512, self.weights.config["max_position_embeddings"] - 2)

    @property
    def texts(self) -> list[str]:
        """All sentences, language by language, the English side after the other."""
        return [text for sides in self.sides.values() for side in sides for text in side]


class Ours:
    """One pass of the encoder over all sentences, then exact search both ways."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.neighbours = setting, Neighbours()
        self.tokenizer = setting.weights.files.tokenizer()
        pad = self.tokenizer.pad_token_id
        self.encoder = Encoder(setting.weights.files, used_ids((), pad)).eval().to(device())
        self.encoder.requires_grad_(False)
        self.encoder.pack_weights()
        self.vectors: dict[str, tuple[Vectors, Vectors]] = {}
        self.subwords = 0

    def __call__(self, number: int) -> Measurement:
        """All languages once."""
        started = time.perf_counter()
        rows = [{"id": str(number), "text": text} for number, text in enumerate(self.setting.texts)]
        features = RETRIEVAL.features(
            rows, self.tokenizer, (), TokenizationConfig(self.setting.length)
        )
        self.subwords = sum(len(one.ids) for one in features)
        pad = self.tokenizer.pad_token_id
        self.encoder.set_vocab(used_ids(id_lists(features), pad))
        way = int(self.encoder.model.config.num_hidden_layers), "mean"
        vectors = embed(self.encoder, features, pad, [way])[way]
        self.neighbours, start = {}, 0
        for code, (here, english) in self.setting.sides.items():
            middle, end = start + len(here), start + len(here) + len(english)
            self.vectors[code] = vectors[start:middle], vectors[middle:end]
            there, back = bidirectional_knn(*self.vectors[code], 1)
            self.neighbours[code] = there.index[:, 0], back.index[:, 0]
            start = end
        return Measurement(time.perf_counter() - started, len(rows))


class Theirs:
    """encode and semantic_search with their defaults, language by language."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.neighbours = setting, Neighbours()
        inner = Transformer(str(setting.weights.folder), max_seq_length=setting.length)
        pooling = Pooling(inner.get_embedding_dimension(), pooling_mode="mean")
        self.model = SentenceTransformer(modules=[inner, pooling], device=str(device()))
        if has_gpu():
            self.model.bfloat16()

    def __call__(self, number: int) -> Measurement:
        """All languages once."""
        started, sentences = time.perf_counter(), 0
        for code, sides in self.setting.sides.items():
            here, english = (self.model.encode(side, convert_to_tensor=True) for side in sides)
            self.neighbours[code] = _nearest(here, english), _nearest(english, here)
            sentences += len(here) + len(english)
        return Measurement(time.perf_counter() - started, sentences)


def _nearest(queries: Any, corpus: Any) -> Indices:
    hits = util.semantic_search(queries, corpus, top_k=1)
    return np.array([best[0]["corpus_id"] for best in hits], dtype=np.int64)


def check(ours: Ours, theirs: Theirs) -> int:
    """Both sides find the same neighbours, or ones just as near; returns how many.

    Raises:
        AssertionError: they do not.
    """
    count = 0
    for code, (here, english) in ours.vectors.items():
        near = unit(here) @ unit(english).T
        for one, other, rows in zip(
            ours.neighbours[code], theirs.neighbours[code], (near, near.T), strict=True
        ):
            every = np.arange(len(one))
            off = np.abs(rows[every, one] - rows[every, other]).max()
            assert off < (2e-2 if has_gpu() else TIE), f"{code}: neighbours {off} apart"
            count += len(one)
    return count


def measure(options: Options) -> list[Row]:
    """One row."""
    setting = Setting(options)
    ours, theirs = Ours(setting), Theirs(setting)
    peak = Peak()
    turns = alternate({"xstilts": every_core()(ours), "rival": theirs}, options.rounds)
    checked, texts = check(ours, theirs), setting.texts
    best = min(turn.seconds for turn in turns["xstilts"])
    rate = setting.weights.forward_operations(ours.subwords) / best
    return [
        Row(
            f"Tatoeba in {len(setting.sides)} languages, embedding and search",
            "sentence-transformers encode + semantic_search",
            ratios(turns["rival"], turns["xstilts"]),
            3.0,
            4.0,
            notes={
                "sentences": len(texts),
                "different sentences": len(set(texts)),
                "the same neighbours": checked,
                "share of the matrix-product rate (best round)": round(peak.share(rate), 3),
                "GFLOP/s at most": round(peak.rate / 1e9),
                **product_note(lambda: ours(1)),
            },
        )
    ]


if __name__ == "__main__":
    program("tatoeba", measure, rounds=3, size="sentences of each language")
