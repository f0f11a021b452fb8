"""Files of a vision tower in the store, and their import.

tower.json            architecture, preprocessing, and which states are read
weights.safetensors   fp32 weights of the vision tower alone
config.json           of transformers' vision model; none for the packaged tower
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import AutoConfig

from xstilts.core.atomic_io import read_json, write_json
from xstilts.core.errors import EncoderError, XstiltsError
from xstilts.core.hashing import digest_of_file
from xstilts.models.vision.efficientnet_lite import SIZE, EfficientNetLite0
from xstilts.models.vision.preprocessing import BICUBIC, Preprocessing, preprocessing_of
from xstilts.models.vision.tower_source import (
    EXTRA,
    MODEL_TYPES,
    SHA256,
    check_tower_folder,
    packaged_weights,
    preprocessor_config,
)

TOWER, WEIGHTS = "tower.json", "weights.safetensors"
LITE0 = "efficientnet-lite0"
POOLED = "pooled"
PROJECTED = ("CLIPVisionModel", "MetaClip2VisionModel")
"""Classes whose one vector of an image is projected, as for its texts."""
LITE_PREPROCESSING = Preprocessing(
    mean=(127 / 255,) * 3,
    std=(128 / 255,) * 3,
    shortest=SIZE + 32,
    crop=(SIZE, SIZE),
    resample=BICUBIC,
)
"""The Lite variants subtract 127 and divide by 128, after a crop that leaves a border of 32 pixels.

Source: MEAN_RGB, STDDEV_RGB and CROP_PADDING in the models' repository (see
`efficientnet_lite`), which crops before it resizes: the same part of the image.
"""


def import_packaged(target: Path, output: Mapping[str, Any]) -> None:
    """Write the files of the packaged tower.

    Args:
        output: `states` and `grid`.

    Raises:
        EncoderError: the file of the package is another one.
    """
    path = packaged_weights()
    if not path.is_file() or digest_of_file(path) != SHA256:
        raise EncoderError(
            "not the weights of EfficientNet-Lite0",
            where=str(path),
            todo=f"{EXTRA} --force-reinstall",
        )
    weights = torch.load(path, map_location="cpu", weights_only=True)
    model = EfficientNetLite0()
    model.load_state_dict(weights)
    _write(target, model, LITE0, LITE_PREPROCESSING, output)


def import_tower(folder: Path, target: Path, output: Mapping[str, Any], where: str = "") -> None:
    """Convert the vision tower in the folder of a Hugging Face model.

    Args:
        output: `states` and `grid`.
        where: the tower's name in errors.

    Raises:
        EncoderError: no vision tower that is supported, or weights that are not its own.
    """
    where = where or str(folder)
    check_tower_folder(folder, where)
    preprocessing = preprocessing_of(preprocessor_config(folder, where), where)
    try:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        kind = str(config.model_type)
        model, info = _model_class(kind, output).from_pretrained(
            folder,
            **_options(kind),
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            trust_remote_code=False,
        )
    except XstiltsError:
        raise
    except Exception as error:  # of transformers and safetensors
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise EncoderError(f"the tower cannot be loaded ({reason})", where=where) from error
    problems = {"missing": info["missing_keys"], "of another shape": info["mismatched_keys"]}
    for problem, names in problems.items():
        if names:
            raise EncoderError(
                f"{len(names)} tensors of the {type(model).__name__} are {problem}, such as "
                f"{sorted(map(str, names))[0]}",
                where=where,
                todo="save the model with save_pretrained again",
            )
    if bad := [name for name, one in model.named_parameters() if not one.isfinite().all()]:
        raise EncoderError(f"{bad[0]} has NaN or infinite weights", where=where)
    model.config.save_pretrained(target)
    _write(target, model, kind, preprocessing, output)


def _write(
    target: Path,
    model: nn.Module,
    architecture: str,
    preprocessing: Preprocessing,
    output: Mapping[str, Any],
) -> None:
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    save_file(state, target / WEIGHTS)
    values = {"architecture": architecture, "preprocessing": preprocessing.to_json(), **output}
    write_json(target / TOWER, values)


def read_tower(folder: Path) -> tuple[nn.Module, dict[str, Any]]:
    """The model in the files of a tower, and the values in `tower.json`."""
    values: dict[str, Any] = read_json(folder / TOWER)
    weights: dict[str, Tensor] = load_file(folder / WEIGHTS)
    kind = values["architecture"]
    if kind == LITE0:
        model: nn.Module = EfficientNetLite0()
    else:
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        model = _model_class(kind, values)(config, **_options(kind))
    model.load_state_dict(weights)
    return model.eval().requires_grad_(False), values


def _model_class(kind: str, output: Mapping[str, Any]) -> Any:
    """Transformers' class."""
    name = MODEL_TYPES[kind]
    if name in PROJECTED and output["states"] == POOLED:
        name = f"{name}WithProjection"
    return getattr(transformers, name)


def _options(kind: str) -> dict[str, Any]:
    return {"add_pooling_layer": False} if kind == "vit" else {}
