"""A frozen vision tower: the states of one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from xstilts.models.device import compute_device
from xstilts.models.vision.preprocessing import Preprocessing
from xstilts.models.vision.tower_files import LITE0, POOLED, read_tower


class VisionTower:
    """Computes states of images; each image is a batch of its own, so that no other changes them.

    In fp32, also on a GPU. Its folder has the files of `tower_files`.
    """

    def __init__(self, folder: Path) -> None:
        model, values = read_tower(folder)
        self.device = compute_device()
        self.model: nn.Module = model.to(self.device)
        for weight in self.model.parameters():
            if weight.dim() == 4:  # convolutions take a third less time in this layout
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        self.preprocessing = Preprocessing.from_json(values["preprocessing"])
        self.pooled, self.grid = values["states"] == POOLED, values.get("grid")
        self._states = STATES[values["architecture"]]

    @torch.no_grad()
    def states(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[h, w, 3] → [p, width] the states of an image: of its patches, or one pooled vector."""
        images = torch.from_numpy(self.preprocessing(pixels))[None].to(self.device)
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
            states = self._states(self, images)
        return np.ascontiguousarray(states.float().cpu().numpy())


@lru_cache(maxsize=1)
def vision_tower(folder: Path) -> VisionTower:
    """The tower in a folder; stays in memory for the next images."""
    return VisionTower(folder)


def _lite_states(tower: VisionTower, images: Tensor) -> Tensor:
    grid: Tensor = tower.model.grid(images)  # type: ignore[operator]
    if tower.pooled:
        return grid.mean(dim=(2, 3))
    return _cells(grid[0], tower.grid)


def _transformer_states(prefix: Callable[[Any], int]) -> Callable[[VisionTower, Tensor], Tensor]:
    """The last hidden states of a Vision Transformer, which has `prefix` states before patches."""

    def states(tower: VisionTower, images: Tensor) -> Tensor:
        output = tower.model(pixel_values=images)
        if tower.pooled:
            return _pooled(output)
        config: Any = tower.model.config
        rows, columns = (size // config.patch_size for size in images.shape[2:])
        return _averaged(output.last_hidden_state[0], prefix(config), rows, columns, tower.grid)

    return states


def _native_states(tower: VisionTower, images: Tensor) -> Tensor:
    """The states of SigLIP2 with native aspect ratios, averaged to a square grid.

    Only the patches that an image has are computed, so that none is padding.
    """
    patch, most = tower.preprocessing.patch, tower.preprocessing.patches
    rows, columns = (size // patch for size in images.shape[2:])
    cells = images.reshape(1, 3, rows, patch, columns, patch).permute(0, 2, 4, 3, 5, 1)
    patches = cells.reshape(1, rows * columns, -1)
    output = tower.model(
        pixel_values=patches,
        pixel_attention_mask=torch.ones(patches.shape[:2], dtype=torch.long, device=images.device),
        spatial_shapes=torch.tensor([[rows, columns]], device=images.device),
    )
    if tower.pooled:
        return _pooled(output)
    grid = tower.grid or int(most**0.5)
    return _averaged(output.last_hidden_state[0], 0, rows, columns, grid)


def _pooled(output: Any) -> Tensor:
    """[1, width] the one vector of an image; the first state where there is no other."""
    for name in ("image_embeds", "pooler_output"):
        vector: Tensor | None = getattr(output, name, None)
        if vector is not None:
            return vector
    first: Tensor = output.last_hidden_state[:, 0]
    return first


def _averaged(states: Tensor, prefix: int, rows: int, columns: int, grid: int | None) -> Tensor:
    """States [p, width] with their patches averaged to a grid, after those before the patches."""
    if grid is None:
        return states
    patches = states[prefix:].T.reshape(-1, rows, columns)
    return torch.cat([states[:prefix], _cells(patches, grid)])


def _cells(patches: Tensor, grid: int | None) -> Tensor:
    """[width, rows, columns] → [cells, width], averaged to a grid of so many rows and columns."""
    if grid:
        patches = functional.adaptive_avg_pool2d(patches, grid)
    return patches.flatten(1).T


def _after_class(_config: Any) -> int:
    return 1


def _none(_config: Any) -> int:
    return 0


def _after_registers(config: Any) -> int:
    return 1 + int(config.num_register_tokens)


STATES: dict[str, Callable[[VisionTower, Tensor], Tensor]] = {
    LITE0: _lite_states,
    "clip_vision_model": _transformer_states(_after_class),
    "metaclip_2_vision_model": _transformer_states(_after_class),
    "siglip_vision_model": _transformer_states(_none),
    "siglip2_vision_model": _native_states,
    "vit": _transformer_states(_after_class),
    "dinov2": _transformer_states(_after_class),
    "dinov2_with_registers": _transformer_states(_after_registers),
}
"""Architecture → how its states are computed."""
STATES |= {
    name: STATES[f"{name}_vision_model"] for name in ("clip", "metaclip_2", "siglip", "siglip2")
}
