"""The vision tower of an experiment that names none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from xstilts.config.vision import VisionConfig
from xstilts.core.errors import ConfigError
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.models.encoder_source import EncoderSource, source_json
from xstilts.models.sentence_transformers import CONFIG
from xstilts.models.text_towers import is_image_text_model
from xstilts.models.vision.tower_source import TowerSource, find_tower
from xstilts.tasks.base import TaskSpec


def own_tower(encoder: EncoderSource) -> VisionConfig | None:
    """The vision tower of an image-text model; None for other encoders."""
    config = source_json(encoder, CONFIG)
    if not isinstance(config, Mapping) or not is_image_text_model(config):
        return None
    name = encoder.params["name"] if encoder.folder is None else str(encoder.folder)
    return VisionConfig(name=name, revision=encoder.params.get("revision"))


def chosen_tower(choice: VisionConfig | None, encoder: EncoderSource) -> VisionConfig:
    """The tower that is named; else that of the encoder, if it is an image-text model.

    All other encoders have the packaged tower by default.

    Raises:
        ConfigError: without the encoder's config.json it is unknown whether it has a tower.
    """
    choice = choice or VisionConfig()
    if "name" in choice.model_fields_set or encoder.params["from"] == "package":
        return choice
    if source_json(encoder, CONFIG) is None and encoder.name not in KNOWN_ENCODERS:
        raise ConfigError(
            f"{CONFIG} of {encoder.name} cannot be read, so that it is unknown whether it has a "
            "vision tower of its own",
            where="vision.name",
            todo="connect to the network, or name the vision tower",
        )
    own = own_tower(encoder)
    if own is None:
        return choice
    revision = choice.revision or own.revision
    return choice.model_copy(update={"name": own.name, "revision": revision})


def check_joint_space(tower: TowerSource, encoder: EncoderSource, task: TaskSpec) -> None:
    """Check that captions and images of a retrieval task are vectors of one space.

    The pooled vectors of an image-text model are compared without further projections.

    Raises:
        ConfigError: the encoder is one, and the pooled vectors are those of another model.
    """
    training = task.format_spec.training
    retrieves = training is not None and training.images and training.whole_batch
    if not retrieves or tower.params["states"] != "pooled":
        return
    own = own_tower(encoder)
    if own and tower.params["source"] != find_tower(own, Path()).params["source"]:
        raise ConfigError(
            f"{task.name} compares captions in the space of {encoder.name} with the pooled vectors "
            f"of {tower.name}, which are of another space",
            where="vision.states",
            todo="leave `name` out of `vision`, or set `states: patches`",
        )
