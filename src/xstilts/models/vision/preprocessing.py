"""From pixels to the input of a vision tower, as its image processor does it with Pillow.

Without torch. Equal to the image processors of transformers with the backend `pil`: resize, crop
from the middle (zeros where the image is smaller), scale to 0..1, subtract the mean and divide by
the standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts.core.errors import EncoderError

BILINEAR, BICUBIC = 2, 3
"""Pillow's numbers of its filters, as files of image processors have them."""
CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
HALF = (0.5, 0.5, 0.5)
CLIP_STYLE = {
    "size": {"shortest_edge": 224},
    "crop_size": {"height": 224, "width": 224},
    "do_center_crop": True,
    "resample": BICUBIC,
    "image_mean": CLIP_MEAN,
    "image_std": CLIP_STD,
}
SQUARE = {"size": {"height": 224, "width": 224}, "image_mean": HALF, "image_std": HALF}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "CLIP": CLIP_STYLE,
    "Bit": CLIP_STYLE,
    "Siglip": {**SQUARE, "resample": BICUBIC},
    "ViT": {**SQUARE, "resample": BILINEAR},
    "Siglip2": {**SQUARE, "resample": BILINEAR, "patch_size": 16, "max_num_patches": 256},
}
"""Image processor → values that its file may lack; DINOv2 has BiT's."""
STEPS = ("do_resize", "do_rescale", "do_normalize")
SCALES = 100.0
PRECISION = 1e-5
"""Largest scale and precision of the search for an image's size in SigLIP2."""


@dataclass(frozen=True)
class Preprocessing:
    """The steps of an image processor.

    Args:
        shortest: size of the shortest side after resizing; 0 if `height` and `width` are given.
        height, width: size after resizing, which does not keep the aspect ratio.
        crop: height and width that are cut from the middle; empty: nothing is cut.
        resample: Pillow's number of the filter.
        scale: factor of the pixels, which are numbers from 0 to 255.
        mean, std: per channel, after scaling.
        patch: SigLIP2 with native aspect ratios: the size of a patch; else 0.
        patches: the number of its patches, at most.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    shortest: int = 0
    height: int = 0
    width: int = 0
    crop: tuple[int, ...] = ()
    resample: int = BICUBIC
    scale: float = 1 / 255
    patch: int = 0
    patches: int = 0

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Preprocessing:
        """What `to_json` wrote."""
        known = {one.name for one in fields(cls)}
        values: dict[str, Any] = {
            key: tuple(v) if isinstance(v, list) else v for key, v in data.items()
        }
        return cls(**{key: value for key, value in values.items() if key in known})

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """[h, w, 3] → [3, height, width] the input of the tower."""
        from PIL import Image

        height, width = self.resized(*pixels.shape[:2])
        image = Image.fromarray(pixels)
        if (width, height) != image.size:
            image = image.resize((width, height), resample=Image.Resampling(self.resample))
        resized = np.moveaxis(np.asarray(image), -1, 0)
        if self.crop:
            resized = center_crop(resized, *self.crop)
        scaled = (resized.astype(np.float64) * self.scale).astype(np.float32)
        mean, std = (np.array(one, np.float32).reshape(3, 1, 1) for one in (self.mean, self.std))
        return np.asarray((scaled - mean) / std, dtype=np.float32)

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of an image after resizing."""
        if self.patch:
            return patch_size_of(height, width, self.patch, self.patches)
        if not self.shortest:
            return self.height or height, self.width or width
        short, long = sorted((height, width))
        longest = int(self.shortest * long / short)
        return (longest, self.shortest) if width <= height else (self.shortest, longest)


def center_crop(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The middle [3, height, width] of an image [3, h, w]; black where it is smaller."""
    for axis, size in ((1, height), (2, width)):
        missing = max(0, size - image.shape[axis])
        if missing:
            pad = [(0, 0)] * 3
            pad[axis] = (-(-missing // 2), missing // 2)
            image = np.pad(image, pad)
        start = (image.shape[axis] - size) // 2
        image = np.take(image, range(start, start + size), axis=axis)
    return image


def patch_size_of(height: int, width: int, patch: int, patches: int) -> tuple[int, int]:
    """Height and width with at most so many patches and nearly the same aspect ratio.

    The search of SigLIP2's image processor (Tschannen et al. 2025, arXiv 2502.14786).
    """

    def at(scale: float) -> tuple[int, int]:
        rows, columns = (
            max(patch, math.ceil(size * scale / patch) * patch) for size in (height, width)
        )
        return rows, columns

    low, high = PRECISION / 10, SCALES
    while high - low >= PRECISION:
        middle = (low + high) / 2
        rows, columns = at(middle)
        low, high = (middle, high) if rows * columns <= patches * patch**2 else (low, middle)
    return at(low)


def preprocessing_of(config: Mapping[str, Any], where: str) -> Preprocessing:
    """The steps in a `preprocessor_config.json`.

    Raises:
        EncoderError: it is of another image processor, or has steps that are not supported.
    """
    name = _family(config, where)
    values = {**DEFAULTS[name], **{key: v for key, v in config.items() if v is not None}}
    if off := [step for step in STEPS if values.get(step) is False]:
        raise _unsupported(f"it has {off[0]}: false", where)
    try:
        return _preprocessing(name, values)
    except (KeyError, TypeError, ValueError) as error:
        raise _unsupported(f"{type(error).__name__}: {error}", where) from error


def _family(config: Mapping[str, Any], where: str) -> str:
    given = config.get("image_processor_type") or config.get("feature_extractor_type") or ""
    name = str(given)
    for ending in ("Fast", "Pil", "ImageProcessor", "FeatureExtractor"):
        name = name.removesuffix(ending)
    if name not in DEFAULTS:
        raise EncoderError(
            f"the image processor {given or 'without a type'} is not supported",
            where=where,
            todo="use a tower of CLIP, SigLIP, SigLIP2, ViT or DINOv2",
        )
    return name


def _preprocessing(name: str, values: Mapping[str, Any]) -> Preprocessing:
    size, crop = values["size"], values.get("crop_size")
    if isinstance(size, int):
        square = {"height": size, "width": size}
        size = {"shortest_edge": size} if DEFAULTS[name] is CLIP_STYLE else square
    if isinstance(crop, int):
        crop = {"height": crop, "width": crop}
    if size.get("longest_edge"):
        raise ValueError("a longest edge")
    if not values.get("do_center_crop"):
        crop = None
    native = name == "Siglip2"
    return Preprocessing(
        mean=_three(values["image_mean"]),
        std=_three(values["image_std"]),
        shortest=int(size.get("shortest_edge") or 0),
        height=int(size.get("height") or 0),
        width=int(size.get("width") or 0),
        crop=(int(crop["height"]), int(crop["width"])) if crop else (),
        resample=int(values["resample"]),
        scale=float(values.get("rescale_factor", 1 / 255)),
        patch=int(values["patch_size"]) if native else 0,
        patches=int(values["max_num_patches"]) if native else 0,
    )


def _three(numbers: Any) -> tuple[float, ...]:
    first, second, third = numbers
    return float(first), float(second), float(third)


def _unsupported(reason: str, where: str) -> EncoderError:
    return EncoderError(
        f"the image processor cannot be followed: {reason}",
        where=where,
        todo="use the published preprocessor_config.json of the tower",
    )
