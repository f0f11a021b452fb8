"""Evaluate PAN-X dev in 40 languages against Trainer.predict, language by language.

The model is loaded on both sides; sentences are sub-word ids already. Ours ends with tags, the
rival's with logits. `--size`: sentences of each language.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from transformers import DataCollatorForTokenClassification, Trainer, TrainingArguments

from bench.baselines import tagging_model
from bench.cli import Options, program
from bench.encoders import encoder
from bench.examples import TOY_TAGS, tags
from bench.finetune import item
from bench.machine import (
    Peak,
    device,
    every_core,
    fresh_accelerator,
    has_gpu,
    product_note,
    wait,
)
from bench.timing import Measurement, Row, alternate, ratios
from xstilts.formats.base import Feature, HeadShape, TokenizationConfig, id_lists
from xstilts.formats.tagging import TAGGING
from xstilts.models.encoder import Encoder
from xstilts.models.vocab_view import used_ids
from xstilts.tasks.xtreme.pan_x import LANGUAGES as PANX_LANGUAGES
from xstilts.tasks.xtreme.pan_x import TAGS as PANX_TAGS
from xstilts.training.multitask_model import MultiTaskModel, initialised
from xstilts.training.precision import EVALUATION, Precision
from xstilts.training.predict import predict

TASK, LENGTH, SENTENCES = "pan-x", 128, 100
TIE = 1e-3
"""Logits whose difference is below this are a tie."""


class Setting:
    """The sentences of every language, and a tagger."""

    def __init__(self, options: Options) -> None:
        self.weights = encoder(options)
        self.tokenizer = self.weights.files.tokenizer()
        self.labels = TOY_TAGS if options.tiny else tuple(PANX_TAGS)
        codes = PANX_LANGUAGES[:4] if options.tiny else PANX_LANGUAGES
        self.features = {code: self._features(options, code) for code in codes}
        every = (one for features in self.features.values() for one in features)
        self.ids = used_ids(id_lists(every), self.tokenizer.pad_token_id)
        self.model = self.new_model()
        self.model.encoder.pack_weights()  # as `frozen_encoder` does

    def new_model(self) -> MultiTaskModel:
        """The tagger for evaluation, over the sub-words of all languages."""
        shape = HeadShape("tagging", len(self.labels), 0.1, "mean")
        encoder = Encoder(self.weights.files, self.ids)
        model = initialised(encoder, {TASK: shape}, 1).eval().to(device())
        return model.requires_grad_(False)

    def _features(self, options: Options, code: str) -> list[Feature]:
        rows = tags(options, code)[: options.size or SENTENCES]
        length = min(LENGTH, self.weights.config["max_position_embeddings"] - 2)
        features = TAGGING.features(rows, self.tokenizer, self.labels, TokenizationConfig(length))
        return [replace(feature, id=f"{code}:{feature.id}") for feature in features]

    @property
    def subwords(self) -> int:
        """Real sub-words of all languages."""
        return sum(len(one.ids) for features in self.features.values() for one in features)


class Ours:
    """Language by language, as the stages do."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.tags = setting, list[Any]()

    def __call__(self, number: int) -> Measurement:
        """All languages once."""
        started = time.perf_counter()
        setting = self.setting
        self.tags = [
            tag for code in setting.features for tag in tagged(setting, code, setting.model)
        ]
        return Measurement(time.perf_counter() - started, self.setting.subwords)


def tagged(
    setting: Setting, code: str, model: MultiTaskModel, precision: Precision = EVALUATION
) -> list[Any]:
    """The tags of one language's sentences."""
    features, pad = setting.features[code], setting.tokenizer.pad_token_id
    model.encoder.set_vocab(used_ids(id_lists(features), pad))
    given = (model, TASK, "tagging", features, setting.labels, pad, TokenizationConfig())
    return predict(*given, precision=precision)


class Theirs:
    """Trainer.predict, its defaults, for one language after the other."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.logits = setting, dict[str, Any]()
        self.model = tagging_model(setting.weights, setting.model.heads[TASK])
        self.items = {
            code: [item(feature) for feature in features]
            for code, features in setting.features.items()
        }

    def __call__(self, number: int) -> Measurement:
        """All languages once."""
        fresh_accelerator()
        with tempfile.TemporaryDirectory() as folder:
            arguments = TrainingArguments(
                output_dir=folder, report_to=[], disable_tqdm=True, logging_strategy="no",
                tf32=has_gpu() or None, use_cpu=not has_gpu(),
            )  # fmt: skip
            collator = DataCollatorForTokenClassification(self.setting.tokenizer)
            trainer = Trainer(self.model, arguments, data_collator=collator)
            started = time.perf_counter()
            for code, items in self.items.items():
                self.logits[code] = trainer.predict(items).predictions
            wait()
            return Measurement(time.perf_counter() - started, self.setting.subwords)


def check(setting: Setting, tags: list[list[str]], logits: Mapping[str, Any]) -> int:
    """Both sides give every word the same tag; returns the number of words.

    Raises:
        AssertionError: a word has another tag, and its best two tags are not as good as equal.
    """
    index = {label: number for number, label in enumerate(setting.labels)}
    parts = ((code, row, feature) for code, features in setting.features.items()
             for row, feature in enumerate(features))  # fmt: skip
    theirs: dict[str, list[Any]] = {}
    for code, row, feature in parts:
        scores = [
            logits[code][row][position] if position >= 0 else None for position in feature.words
        ]
        theirs.setdefault(feature.id, []).extend(scores)
    words = 0
    for mine, (name, scores) in zip(tags, theirs.items(), strict=True):
        for tag, score in zip(mine, scores, strict=True):
            if score is None:  # a word without sub-words
                continue
            words += 1
            lead = float(np.max(score) - score[index[tag]])
            assert lead < (0.1 if has_gpu() else TIE), f"{name}: {tag} is {lead} behind the best"
    return words


def measure(options: Options) -> list[Row]:
    """One row."""
    setting = Setting(options)
    ours, theirs = Ours(setting), Theirs(setting)
    peak = Peak()
    turns = alternate({"xstilts": every_core()(ours), "rival": theirs}, options.rounds)
    operations = setting.weights.forward_operations(1)
    shares = {
        name: round(peak.share(operations / min(turn.cost for turn in side)), 3)
        for name, side in turns.items()
    }
    return [
        Row(
            f"evaluate PAN-X dev in {len(setting.features)} languages, "
            f"{options.size or SENTENCES} sentences of each",
            "Trainer.predict per language",
            ratios(turns["rival"], turns["xstilts"]),
            3.5,
            4.0,
            notes={
                "sentences": sum(map(len, setting.features.values())),
                "words with the same tag": check(setting, ours.tags, theirs.logits),
                "real sub-words": setting.subwords,
                "share of the matrix-product rate (best round)": shares["xstilts"],
                "the rival's share": shares["rival"],
                "GFLOP/s at most": round(peak.rate / 1e9),
                **product_note(lambda: ours(1)),
            },
        )
    ]


if __name__ == "__main__":
    program("evaluate", measure, rounds=3, size="sentences of each language")
