"""How the sentence vectors of an exported encoder are read, and which results are its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from xstilts.core.errors import ConfigError, EncoderError
from xstilts.core.stage import Stage
from xstilts.export.task_head import TaskHead
from xstilts.export.trained_model import TrainedModel
from xstilts.models.encoder_config import PACKED_TYPES
from xstilts.planning.compile import ResultCell

CONTRASTIVE = "dual_encoder"
"""The format whose training compares sentence vectors."""
OF_TOKENIZER = "the length of the tokenizer"


@dataclass(frozen=True)
class VectorReading:
    """How sentence vectors are read.

    Args:
        prompt: before each sentence.
        max_length: sub-words that a text is cut at; none: those of the tokenizer.
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


def _evaluated(model: TrainedModel) -> tuple[list[str], list[str], dict[int, set[str]]]:
    """Poolings, prompts, and lengths → targets, with which retrieval targets read the vectors."""
    lengths: dict[int, set[str]] = {}
    for stage in _embeddings(model):
        targets = lengths.setdefault(stage.params["max_length"], set())
        targets.add(model.task_of(stage.inputs["rows"]))
    params = [stage.params for stage in _embeddings(model)]
    poolings = dict.fromkeys(pooling for one in params for pooling in one["poolings"])
    prompts = dict.fromkeys(str(one.get("prompt", "")) for one in params)
    return list(poolings), list(prompts), lengths


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
    differing, sentences = list[str](), list[str]()
    if poolings and poolings != [reading.pooling]:
        differing.append(f"the pooling {', '.join(poolings)} (this folder: {reading.pooling})")
    if prompts and prompts != [reading.prompt]:
        shown = ", ".join(map(repr, prompts))
        differing.append(f"the prompt {shown} (this folder: {reading.prompt!r})")
    if differing:
        targets = ", ".join(sorted(set[str]().union(*lengths.values())))
        sentences.append(f"vectors of {targets} were read with {' and '.join(differing)}")
    if other := lengths.keys() - {reading.max_length}:
        read = [f"at {one} sub-words in {', '.join(sorted(lengths[one]))}" for one in sorted(other)]
        own = f"{reading.max_length} sub-words" if reading.max_length else OF_TOKENIZER
        sentences.append(f"texts were cut {', '.join(read)}; this folder cuts them at {own}")
    return "; ".join(sentences)


def own_results(
    model: TrainedModel, head: TaskHead | None, reading: VectorReading, cells: Iterable[ResultCell]
) -> list[ResultCell]:
    """The results that the exported folder itself has: of its head, or of its vectors.

    The length of a result is that of its longest texts: queries may be shorter than candidates.
    """
    depth = int(model.files.config().num_hidden_layers)
    vectors = replace(reading, layer=reading.layer or depth)
    return [cell for cell in cells if _is_own(cell, model.stages, head, vectors)]


def _is_own(
    cell: ResultCell, stages: Mapping[str, Stage], head: TaskHead | None, vectors: VectorReading
) -> bool:
    """Whether a result is that of the head, or of vectors that are read in one way."""
    score = stages.get(cell.key)
    predictions = stages.get(score.inputs.get("predictions", "")) if score else None
    if predictions is None:
        return False
    params = predictions.params
    if "layer" not in params:
        return head is not None and params.get("task") == head.task
    inputs = (stages[key] for key in predictions.inputs.values() if key in stages)
    embedded = [one.params for one in inputs if one.kind == "embed"]
    if head is not None or not embedded:
        return False
    prompts = {one.get("prompt", "") for one in embedded}
    return (params["layer"], params["pooling"]) == (vectors.layer, vectors.pooling) and (
        prompts == {vectors.prompt}
        and max(one["max_length"] for one in embedded) == vectors.max_length
    )
