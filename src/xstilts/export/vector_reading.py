"""How the sentence vectors of an exported encoder are read, and which results are its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from xstilts.core.errors import ConfigError, EncoderError
from xstilts.core.stage import Stage
from xstilts.export.task_head import TaskHead
from xstilts.export.trained_model import TrainedModel
from xstilts.models.encoder_config import PACKED_TYPES
from xstilts.planning.compile import ResultCell

CONTRASTIVE = "dual_encoder"
"""The format whose training compares sentence vectors."""


@dataclass(frozen=True)
class VectorReading:
    """How sentence vectors are read.

    Args:
        prompt: before each sentence.
        max_length: sub-words that a text is cut at.
        similarity: `cosine` or `dot`.
        layer: the last block of the exported encoder; none for all.
    """

    pooling: str
    prompt: str = ""
    max_length: int | None = None
    similarity: str = "cosine"
    layer: int | None = None


def vector_reading(model: TrainedModel, layer: int | None = None) -> VectorReading:
    """How the vectors of an encoder were read: as it was trained, else as it was evaluated.

    Args:
        layer: the last block to export.

    Raises:
        ConfigError: there is no such block.
        EncoderError: the encoder cannot be cut there.
    """
    cut = _cut(model, layer)
    formats = {task["format"] for task in model.stage.params["tasks"].values()}
    if CONTRASTIVE in formats:
        similarity = str(model.recipe.get("contrastive_similarity") or "cosine")
        return VectorReading(model.pooling, "", model.max_length, similarity, cut)
    poolings, prompts, lengths = _evaluated(model)
    return VectorReading(
        poolings[0] if poolings else model.pooling,
        prompts[0] if len(prompts) == 1 else "",
        max(lengths) if lengths else model.max_length,
        layer=cut,
    )


def _evaluated(model: TrainedModel) -> tuple[list[str], list[str], list[int]]:
    """The poolings, prompts and lengths with which retrieval targets read the vectors."""
    params = [stage.params for stage in _embeddings(model)]
    poolings = dict.fromkeys(pooling for one in params for pooling in one["poolings"])
    prompts = dict.fromkeys(str(one.get("prompt", "")) for one in params)
    return list(poolings), list(prompts), [one["max_length"] for one in params]


def _cut(model: TrainedModel, layer: int | None) -> int | None:
    """The block to cut after; none for the last one."""
    config = model.files.config()
    depth = int(config.num_hidden_layers)
    if layer is None or layer == depth:
        return None
    if not 0 < layer < depth:
        raise ConfigError(
            f"the encoder has {depth} blocks", where="--layer", todo=f"give 1 to {depth}"
        )
    if config.model_type not in PACKED_TYPES:
        raise EncoderError(
            f"encoders of the type {config.model_type} cannot be cut after a block: a norm or "
            "another part follows the last one",
            where="--layer",
            todo="export all blocks",
        )
    return layer


def _embeddings(model: TrainedModel) -> Iterable[Stage]:
    return (
        stage
        for stage in model.stages.values()
        if stage.kind == "embed" and stage.inputs.get("base") == model.stage.key
    )


def layer_note(model: TrainedModel, reading: VectorReading) -> str:
    """What to say if retrieval targets read other blocks than the exported one; else empty."""
    depth = int(model.files.config().num_hidden_layers)
    layers = sorted({layer for stage in _embeddings(model) for layer in stage.params["layers"]})
    if not layers or (reading.layer or depth) in layers:
        return ""
    listed = ", ".join(map(str, layers))
    return (
        f"its retrieval targets read block {listed} of {depth}; the vectors of this folder are "
        f"those of block {reading.layer or depth} (--layer {layers[-1]} exports the others)"
    )


def text_note(model: TrainedModel, reading: VectorReading) -> str:
    """What to say if retrieval targets read other texts or vectors than the folder; else empty."""
    poolings, prompts, lengths = _evaluated(model)
    differing = list[str]()
    if poolings and poolings != [reading.pooling]:
        differing.append(f"the pooling {', '.join(poolings)} (this folder: {reading.pooling})")
    if prompts and prompts != [reading.prompt]:
        shown = ", ".join(map(repr, prompts))
        differing.append(f"the prompt {shown} (this folder: {reading.prompt!r})")
    if lengths and {*lengths} != {reading.max_length}:
        shown = " and ".join(map(str, sorted({*lengths})))
        differing.append(f"texts cut at {shown} sub-words (this folder: {reading.max_length})")
    if not differing:
        return ""
    return f"its retrieval targets read vectors with {' and '.join(differing)}"


def own_results(
    model: TrainedModel, head: TaskHead | None, reading: VectorReading, cells: Iterable[ResultCell]
) -> list[ResultCell]:
    """The results that the exported folder itself has: of its head, or of its vectors."""
    depth = int(model.files.config().num_hidden_layers)
    vectors = reading.layer or depth, reading.pooling, reading.prompt
    return [cell for cell in cells if _is_own(cell, model.stages, head, vectors)]


def _is_own(
    cell: ResultCell,
    stages: Mapping[str, Stage],
    head: TaskHead | None,
    vectors: tuple[int, str, str],
) -> bool:
    """Whether a result is that of the head, or of vectors of a layer, pooling and prompt."""
    score = stages.get(cell.key)
    predictions = stages.get(score.inputs.get("predictions", "")) if score else None
    if predictions is None:
        return False
    params = predictions.params
    if "layer" in params:
        inputs = (stages[key] for key in predictions.inputs.values() if key in stages)
        prompts = {one.params.get("prompt", "") for one in inputs if one.kind == "embed"}
        read = {(params["layer"], params["pooling"], prompt) for prompt in prompts}
        return head is None and read == {vectors}
    return head is not None and params.get("task") == head.task
