"""`surprise`: the code length of the gold answers of some rows, with a model or without."""

from __future__ import annotations

from itertools import groupby
from math import log2
from typing import Any

from xstilts.core.errors import DataError
from xstilts.formats import training_of
from xstilts.formats.base import HeadShape, TokenizationConfig
from xstilts.formats.feature_store import occurring_ids
from xstilts.formats.image_features import with_image_shape
from xstilts.models.encoder_files import EncoderFiles
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import write_rows
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.predict import trained_model
from xstilts.training.gold_probabilities import gold_probabilities
from xstilts.training.precision import evaluation_precision, precision_notes

SURPRISE = "surprise.parquet"


def run(context: StageContext) -> dict[str, Any]:
    """Write `surprise.parquet` (id, bits, uniform); facts: bits, uniform, examples, choices.

    `bits` is -log2 of the gold answer's probability, summed over its choices (see
    `TrainingSpec.gold_logits`) and over its parts or windows; `uniform` is the code length when all
    options are equally probable, and equals `bits` without a model.

    Raises:
        DataError: the gold answers of the format have no probability.
    """
    params = context.params
    gold_options = training_of(params["format"]).gold_options
    if gold_options is None:
        raise DataError(f"format {params['format']} has no code length")
    model = context.inputs.get("model")
    files = EncoderFiles(context.inputs["encoder"].path, model.path if model else None)
    tokenizer, labels = files.tokenizer(), tuple(params["labels"])
    features = [
        feature
        for role, rows in sorted(context.inputs.items())
        if role.startswith("rows")
        for feature in prepared(
            *(
                context,
                rows,
                params["format"],
                labels,
                TokenizationConfig(**params["reading"]),
                tokenizer,
            )
        )
    ]
    asked = [gold_options(feature, labels) for feature in features]
    uniform = [choices * log2(count) for choices, count in asked]
    bits = uniform
    if model:
        shape = with_image_shape(
            HeadShape(params["format"], len(labels), 0.0, params["pooling"]), features
        )
        precision = evaluation_precision(params)
        context.notes += precision_notes(precision)
        trained = trained_model(files, params["task"], shape, precision)
        trained.encoder.set_vocab(files.used_ids([occurring_ids(features)]))
        gold = gold_probabilities(
            *(trained, params["task"], params["format"], features, tokenizer.pad_token_id),
            precision=precision,
        )
        bits = gold.bits.tolist()
    parts = zip((feature.id for feature in features), bits, uniform, strict=True)
    examples = [_joined(name, group) for name, group in groupby(parts, key=lambda part: part[0])]
    write_rows(context.folder / SURPRISE, examples)
    return {
        "bits": round(sum(bits), 6),
        "uniform": round(sum(uniform), 6),
        "examples": len(examples),
        "choices": sum(choices for choices, _ in asked),
    }


def _joined(name: str, group: Any) -> dict[str, Any]:
    parts = list(group)
    return {"id": name, "bits": sum(p[1] for p in parts), "uniform": sum(p[2] for p in parts)}
