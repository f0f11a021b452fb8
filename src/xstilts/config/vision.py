"""The vision tower of tasks with images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from xstilts.config.base import ConfigModel, PathText

PACKAGED_TOWER = "efficientnet-lite0-packaged"
"""The tower whose weights a Python package contains."""


class VisionConfig(ConfigModel):
    """The vision tower, which is frozen: features are computed once per image."""

    name: PathText = Field(
        PACKAGED_TOWER,
        description=f"`{PACKAGED_TOWER}`, a folder, or a Hugging Face model name (CLIP, "
        "MetaCLIP 2, SigLIP, SigLIP2, ViT or DINOv2); by default that of an encoder that is an "
        "image-text model, else the packaged one",
    )
    revision: str | None = Field(None, description="revision on the hub; a commit pins the weights")
    states: Literal["patches", "pooled"] = Field(
        "patches",
        description="one state per patch of an image, or the tower's one vector for the image",
    )
    grid: PositiveInt | None = Field(
        None,
        description="average the patches to a grid of so many rows and columns; empty: the "
        "tower's own grid",
    )
