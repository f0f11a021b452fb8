"""`predict-tuned`: predictions of a model that was tuned elsewhere, by its own head."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from xstilts.core.errors import EncoderError
from xstilts.formats import training_of
from xstilts.formats.base import Feature, TokenizationConfig
from xstilts.models.device import compute_device
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_source import SUFFIXES, file_digests
from xstilts.models.hub_snapshot import hub_snapshot
from xstilts.models.tuned_model import TunedModel
from xstilts.stages.base import StageContext
from xstilts.stages.io.rows import PREDICTIONS, write_predictions
from xstilts.stages.io.tokenized import prepared
from xstilts.stages.prepare import ROWS
from xstilts.training.batching import by_length, collate
from xstilts.training.out_of_memory import BatchReader
from xstilts.training.predict import TOKENS, answered, read_positions, set_predictions


def run(context: StageContext) -> dict[str, Any]:
    """Write `predictions.parquet`, see `write_predictions`; facts: rows.

    Raises:
        EncoderError: the files of the model have changed since the plan was made, or its outputs
            are not numbers.
    """
    params = context.params
    tokenizer = EncoderFiles(context.inputs["encoder"].path).tokenizer()
    labels = tuple(params["labels"])
    reading = TokenizationConfig(**params["reading"])
    features = prepared(
        context, context.inputs["rows"], params["format"], labels, reading, tokenizer
    )
    model = _model(_folder(context), params["class"], params["format"])
    predictions = _predict(
        *(model, params["task"], params["format"], features, labels),
        tokenizer.pad_token_id,
        reading,
    )
    rows = context.inputs["rows"] / ROWS
    return {"rows": write_predictions(context.folder / PREDICTIONS, rows, predictions)}


def _folder(context: StageContext) -> Path:
    """The folder of the model, whose files are those of the plan."""
    source = context.inputs["encoder"].manifest["stage"]["params"]["source"]
    if source["from"] == "hub":
        todo = "connect to the network"
        return hub_snapshot(source["name"], source["revision"], SUFFIXES, todo)
    folder = Path(context.stage.context["folder"])
    modules = {name: file_digests(folder / name) for name in context.params.get("modules", ())}
    if file_digests(folder) != source["files"] or modules != context.params.get("modules", {}):
        raise EncoderError(
            "the model's files have changed since the plan was made",
            where=str(folder),
            todo="run again: the plan is then made from the changed files",
        )
    return folder


@lru_cache(maxsize=1)
def _model(folder: Path, auto_class: str, kind: str) -> TunedModel:
    """The model; stays in memory for the task's next language."""
    model = TunedModel(folder, auto_class, kind)
    return model.eval().requires_grad_(False).to(compute_device())


def _predict(
    model: TunedModel,
    task: str,
    kind: str,
    features: Sequence[Feature],
    labels: Sequence[str],
    padding: int,
    reading: TokenizationConfig,
) -> Sequence[Any]:
    """One prediction or `PredictedClass` per example, in the order of the features."""
    training, device = training_of(kind), next(model.parameters()).device

    @torch.no_grad()
    def read(indices: list[int]) -> list[Any]:
        chosen = [features[index] for index in indices]
        batch = collate(chosen, padding).to(device)
        logits = model(batch.ids, batch.mask, batch.types)
        positions = read_positions(training, chosen, device)
        return answered(training.answers, logits, positions, chosen, labels, reading)

    reader, result = BatchReader(), training.empty_predictions(features)
    for batch in by_length(features, TOKENS.get(device.type, TOKENS["cpu"])):
        for indices, predictions in reader.read(read, batch):
            set_predictions(result, indices, predictions, task)
    return training.aggregate(features, result, labels, reading)
