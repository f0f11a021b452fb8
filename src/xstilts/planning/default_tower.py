"""The vision tower of an experiment that names none."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.config.vision import VisionConfig
from xstilts.core.errors import ConfigError
from xstilts.models.encoder_defaults import KNOWN_ENCODERS
from xstilts.models.encoder_source import EncoderSource, source_json
from xstilts.models.sentence_transformers import CONFIG
from xstilts.models.text_towers import is_image_text_model


def chosen_tower(choice: VisionConfig | None, encoder: EncoderSource) -> VisionConfig:
    """The tower that is named; else that of the encoder, if it is an image-text model.

    All other encoders have the packaged tower by default.

    Raises:
        ConfigError: without the encoder's config.json it is unknown whether it has a tower.
    """
    choice = choice or VisionConfig()
    if "name" in choice.model_fields_set or encoder.params["from"] == "package":
        return choice
    config = source_json(encoder, CONFIG)
    if config is None and encoder.name not in KNOWN_ENCODERS:
        raise ConfigError(
            f"{CONFIG} of {encoder.name} cannot be read, so that it is unknown whether it has a "
            "vision tower of its own",
            where="vision.name",
            todo="connect to the network, or name the vision tower",
        )
    if not isinstance(config, Mapping) or not is_image_text_model(config):
        return choice
    name = encoder.params["name"] if encoder.folder is None else str(encoder.folder)
    own = {"name": name, "revision": choice.revision or encoder.params.get("revision")}
    return choice.model_copy(update=own)
