"""Text sides of image-text models that can be used as encoders; without torch.

They were trained so that a text's vector is close to those of its images: the last token's state
after the final norm, projected. CLIP (Radford et al. 2021) and MetaCLIP 2 are causal, and their
last token is the end token. SigLIP (Zhai et al. 2023) and SigLIP 2 have no attention mask: texts
are padded to all positions, and the last token is that of the last position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TextTower:
    """The text side of a type of image-text model.

    Args:
        architecture: class of transformers for the text side with its projection.
        projection: name of the module from the last token's state to the space of images.
        sizes: values that config.json can leave out.
        causal: whether the states of a token do not depend on later tokens.
        reads_padding: whether texts are padded to all positions and read without a mask.
    """

    architecture: str
    projection: str
    sizes: Mapping[str, int]
    causal: bool = False
    reads_padding: bool = False


_SIGLIP = {
    "hidden_size": 768,
    "num_hidden_layers": 12,
    "vocab_size": 32_000,
    "max_position_embeddings": 64,
}
_CLIP = {
    "hidden_size": 512,
    "num_hidden_layers": 12,
    "vocab_size": 49_408,
    "max_position_embeddings": 77,
}
TEXT_TOWERS = {
    "siglip_text_model": TextTower("SiglipTextModel", "head", _SIGLIP, reads_padding=True),
    "siglip2_text_model": TextTower("Siglip2TextModel", "head", _SIGLIP, reads_padding=True),
    "clip_text_model": TextTower(
        "CLIPTextModelWithProjection", "text_projection", _CLIP, causal=True
    ),
    "metaclip_2_text_model": TextTower(
        "MetaClip2TextModelWithProjection", "text_projection", _CLIP, causal=True
    ),
}
"""Model type of the text side → how it is read."""
IMAGE_TEXT_TYPES = {kind.removesuffix("_text_model"): kind for kind in TEXT_TOWERS}
"""Model type of an image-text model → model type of its text side."""
TOWER_CLASSES = frozenset(tower.architecture for tower in TEXT_TOWERS.values())
"""Classes of transformers that AutoModel does not choose for these types."""


def is_image_text_model(config: Mapping[str, Any]) -> bool:
    """Whether a config.json is that of an image-text model whose text side can be used."""
    return config.get("model_type") in IMAGE_TEXT_TYPES


def flat_text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """A config.json with the values of its text side at the top, with defaults of known types."""
    text = config.get("text_config")
    flat = {**config, **text} if isinstance(text, Mapping) else dict(config)
    kind = IMAGE_TEXT_TYPES.get(str(config.get("model_type")), flat.get("model_type"))
    tower = TEXT_TOWERS.get(str(kind))
    return {**tower.sizes, **flat, "model_type": kind} if tower else flat


def text_config_of(config: Any) -> Any:
    """The config of the text side of an image-text model in transformers; others unchanged.

    The projection has the size that the image-text model gives, as in transformers' CLIPModel.
    """
    kind = IMAGE_TEXT_TYPES.get(config.model_type)
    if kind is None:
        return config
    text = config.text_config
    text.architectures = [TEXT_TOWERS[kind].architecture]
    if hasattr(config, "projection_dim"):
        text.projection_dim = config.projection_dim
    return text


def text_length(config: Any) -> int | None:
    """Number of tokens of every text, padding included; None for encoders that mask padding."""
    tower = TEXT_TOWERS.get(config.model_type)
    return int(config.max_position_embeddings) if tower and tower.reads_padding else None
