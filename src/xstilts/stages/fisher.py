"""`fisher`: the Fisher information of a trained model's parameters on its task (TaskEmb)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from xstilts.formats import training_of
from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.feature_store import occurring_ids
from xstilts.formats.image_features import with_image_shape
from xstilts.models.device import compute_device
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import HEADS, EncoderFiles, embedding_name
from xstilts.stages.base import StageContext
from xstilts.stages.io.sample import FISHER, sample_rows
from xstilts.training.batching import collate
from xstilts.training.multitask_model import MultiTaskModel


def run(context: StageContext) -> dict[str, Any]:
    """Write `fisher.npz`: a vector for every tensor of the encoder's body; facts: examples.

    The diagonal of the empirical Fisher information: the square of the gradient of an example's
    gold log-probability, without dropout, averaged over examples (a part of a long example
    counts as one). Matrices are averaged over their last axis; word embeddings are left out, as
    two tasks use different ones. Source: Vu et al. (2020), with gold labels.
    """
    params = context.params
    files = EncoderFiles(context.inputs["encoder"].path, context.inputs["model"].path)
    tokenizer = files.tokenizer()
    features = sample_rows(context, tokenizer, lambda _: 1)
    shape = with_image_shape(
        HeadShape(params["format"], len(params["labels"]), 0.0, params["pooling"]), features
    )
    ids = files.used_ids([occurring_ids(features)])
    model = MultiTaskModel(Encoder(files, ids), {params["task"]: shape})
    assert files.trained is not None
    model.heads.load_state_dict(load_file(files.trained / HEADS))
    model.to(compute_device()).eval()
    body = dict(_body(model.encoder))
    sums = {name: torch.zeros_like(value) for name, value in body.items()}
    for done, feature in enumerate(features, start=1):
        model.zero_grad()
        _loss(model, params["task"], params["format"], feature, tokenizer.pad_token_id).backward()  # type: ignore[no-untyped-call]
        for name, value in body.items():
            if value.grad is not None:
                sums[name].addcmul_(value.grad, value.grad)
        context.report_progress({"step": done, "steps": len(features)})
    summaries = {name: _summary(value / len(features)) for name, value in sums.items()}
    np.savez(context.folder / FISHER, **summaries)  # type: ignore[arg-type]
    return {"examples": len(features)}


def _body(encoder: Encoder) -> Iterator[tuple[str, nn.Parameter]]:
    """The parameters of an encoder without the word embeddings."""
    words = embedding_name(encoder.model)
    return (item for item in encoder.model.named_parameters() if item[0] != words)


def _loss(model: MultiTaskModel, task: str, kind: str, feature: Feature, padding: int) -> Tensor:
    """The negative log-probability of the gold answer, summed over its choices."""
    form, where = training_of(kind), model.encoder.embeddings.device
    batch = collate([feature], padding).to(where)
    logits = model(task, batch.ids, batch.mask, batch.types, images=batch.images)
    return form.loss(logits, form.targets([feature], feature.max_tokens).to(where))


def _summary(value: Tensor) -> NDArray[np.float64]:
    """A vector or single row unchanged; a matrix as the means of its rows."""
    short = value.mean(-1) if value.ndim > 1 and len(value) > 1 else value
    return np.asarray(short.detach().flatten().cpu().numpy(), dtype=np.float64)
