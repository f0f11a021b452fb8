"""`predict`: a trained model's predictions for one task in one language; no scores."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

from safetensors.torch import load_file

from xstilts.formats import training_of
from xstilts.formats.answer_text import ANSWER_TEXT, CHANGED_ANSWERS
from xstilts.formats.base import HeadShape, TokenizationConfig
from xstilts.formats.feature_store import occurring_ids
from xstilts.formats.image_features import with_image_shape
from xstilts.models.device import compute_device
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_files import HEADS, EncoderFiles
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import PREDICTIONS, write_predictions
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.prepare import ROWS
from xstilts.training.multitask_model import MultiTaskModel
from xstilts.training.precision import (
    EVALUATION,
    Precision,
    evaluation_precision,
    precision_notes,
)
from xstilts.training.predict import predict


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`, see `write_predictions`; facts: rows.

    With the parameter `answer_text`, answers have the text of XTREME's scripts, and a fact counts
    those whose text is another one by the default rule.

    Raises:
        UndefinedOutputs: some outputs of the model are not numbers.
    """
    params = context.params
    files = EncoderFiles(context.inputs["encoder"].path, context.inputs["model"].path)
    tokenizer = files.tokenizer()
    labels = tuple(params["labels"])
    reading = TokenizationConfig(**params["reading"])
    features = prepared(
        context, context.inputs["rows"], params["format"], labels, reading, tokenizer
    )
    shape = with_image_shape(
        HeadShape(params["format"], len(labels), 0.0, params["pooling"]), features
    )
    precision = evaluation_precision(params)
    model = trained_model(files, params["task"], shape, precision)
    model.encoder.set_vocab(files.used_ids([occurring_ids(features)]))
    predict_with = partial(
        predict,
        *(model, params["task"], params["format"], features, labels),
        tokenizer.pad_token_id,
        reading,
        precision=precision,
    )
    context.notes += precision_notes(precision)
    facts = dict[str, int]()
    predictions: Sequence[Any]
    if rule := params.get(ANSWER_TEXT):
        spec = training_of(params["format"]).answer_text
        assert spec is not None
        spans = predict_with(aggregate=spec.spans)
        predictions = [spec.text(span, rule, tokenizer) for span in spans]
        changed = (span.text != text for span, text in zip(spans, predictions, strict=True))
        facts[CHANGED_ANSWERS] = sum(changed)
    else:
        predictions = predict_with(with_probabilities=True)
    rows = context.inputs["rows"] / ROWS
    count = write_predictions(context.folder / PREDICTIONS, rows, predictions)
    return {"rows": count, **facts}


@lru_cache(maxsize=1)
def trained_model(
    files: EncoderFiles, task: str, shape: HeadShape, precision: Precision = EVALUATION
) -> MultiTaskModel:
    """The trained model; stays in memory for the task's next language."""
    encoder: Encoder = frozen_encoder(files, bf16=precision == "bf16")
    model = MultiTaskModel(encoder, {task: shape})
    assert files.trained is not None
    model.heads.load_state_dict(load_file(files.trained / HEADS))
    return model.eval().requires_grad_(False).to(compute_device())
