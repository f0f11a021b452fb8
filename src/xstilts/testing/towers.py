"""Tiny vision towers of every family, with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SIZE, PATCH, WIDTH = 32, 8, 16
"""Height and width of an image, of a patch, and width of a state."""
SHAPE: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIZE,
    "patch_size": PATCH,
}
TEXT_SHAPE: dict[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "vocab_size": 50,
}
FAMILIES = ("clip", "siglip", "siglip2", "vit", "dinov2", "dinov2_with_registers")


def write_tower(folder: Path, family: str) -> Path:
    """Write a model of a family and its image processor; CLIP and SigLIP with their text side."""
    import torch
    import transformers as hf

    torch.manual_seed(1)
    square: Any = {"height": SIZE, "width": SIZE}
    cut: dict[str, Any] = {"size": {"shortest_edge": SIZE + 4}, "crop_size": square}
    models: dict[str, Any] = {
        "clip": lambda: hf.CLIPModel(
            hf.CLIPConfig(
                vision_config=SHAPE, text_config={**TEXT_SHAPE, "max_position_embeddings": 16}
            )
        ),
        "siglip": lambda: hf.SiglipModel(
            hf.SiglipConfig(vision_config=SHAPE, text_config=TEXT_SHAPE)
        ),
        "siglip2": lambda: hf.Siglip2VisionModel(hf.Siglip2VisionConfig(**SHAPE, num_patches=16)),
        "vit": lambda: hf.ViTForImageClassification(hf.ViTConfig(**SHAPE)),
        "dinov2": lambda: hf.Dinov2Model(hf.Dinov2Config(**SHAPE, mlp_ratio=2)),
        "dinov2_with_registers": lambda: hf.Dinov2WithRegistersModel(
            hf.Dinov2WithRegistersConfig(**SHAPE, mlp_ratio=2)
        ),
    }
    processors: dict[str, Any] = {
        "clip": lambda: hf.CLIPImageProcessorPil(**cut),
        "siglip": lambda: hf.SiglipImageProcessorPil(size=square),
        "siglip2": lambda: hf.Siglip2ImageProcessorPil(patch_size=PATCH, max_num_patches=16),
        "vit": lambda: hf.ViTImageProcessorPil(size=square),
        "dinov2": lambda: hf.BitImageProcessorPil(**cut),
        "dinov2_with_registers": lambda: hf.BitImageProcessorPil(**cut),
    }
    models[family]().save_pretrained(folder)
    processors[family]().save_pretrained(folder)
    return folder
