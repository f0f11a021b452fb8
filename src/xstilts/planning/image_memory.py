"""Expected memory that images add to a stage: their states, and the fusion layer over them.

The fusion layer reads the sub-words of a text and all states of its images, and needs the
activations of one more block (see `planning.memory`); the head has its weights, a classifier, and
projections of texts and images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.config.vision import PACKAGED_TOWER
from xstilts.models.encoder_defaults import EncoderDefaults
from xstilts.models.encoder_source import read_json_object
from xstilts.models.vision.tower_source import TowerSource
from xstilts.planning.memory import EVALUATED, FORWARD, FP32, SHARD, Hardware, heads


@dataclass(frozen=True)
class StateShape:
    """What a vision tower gives for an image: so many states of this width."""

    states: int
    width: int


LITE0, BASE = StateShape(49, 1280), StateShape(196, 768)
"""The packaged tower; and a ViT-B/16 in place of towers on the Hub, whose config is not read."""


@dataclass(frozen=True)
class ImageWork:
    """The images that a stage computes at a time.

    Args:
        examples: of a batch, or of a slice of one.
        length: sub-words of a text.
        images: per example.
        gradients: whether activations are kept for a backward pass.
        sharded: whether a batch is computed in shards.
    """

    examples: float
    length: float
    images: int
    gradients: bool
    sharded: bool = False


def state_shape(tower: TowerSource) -> StateShape:
    """The states of a tower that an experiment names."""
    shape = LITE0 if tower.name == PACKAGED_TOWER else BASE
    if tower.folder is not None:
        shape = _of_config(read_json_object(tower.folder / "config.json"))
    if tower.params["states"] == "pooled":
        return StateShape(1, shape.width)
    grid = tower.params.get("grid")
    return StateShape(grid * grid, shape.width) if grid else shape


def _of_config(config: Mapping[str, Any]) -> StateShape:
    own = config.get("vision_config", config)
    side = own.get("image_size", 224) // own.get("patch_size", 16)
    return StateShape(side * side, own.get("hidden_size", BASE.width))


def image_memory(
    encoder: EncoderDefaults, shape: StateShape, work: ImageWork, hardware: Hardware
) -> int:
    """Bytes that images add at the peak of a training or prediction."""
    states, width = work.images * shape.states, encoder.width
    tokens = work.length + states
    at_once = work.examples
    if work.sharded and not hardware.gpu:
        at_once = min(at_once, hardware.cores * max(1.0, SHARD / tokens))
    per_token = (FP32 if work.gradients else FORWARD) * width
    if not hardware.gpu:
        per_token += round(8 * heads(encoder) * tokens)
    held = 4 * shape.width * states * (work.examples + (2 if work.gradients else 1) * at_once)
    weights = (12 + 2 + 2 * work.images) * width**2 + 2 * shape.width * width
    copies = 20 if work.gradients else 4
    return round(held + at_once * tokens * per_token + copies * weights)


def evaluated_examples(work: ImageWork, shape: StateShape, hardware: Hardware) -> float:
    """Examples that are predicted at a time."""
    batch = EVALUATED[hardware.gpu] * (1 if hardware.gpu else hardware.cores)
    return max(1.0, batch / (work.length + work.images * shape.states))
