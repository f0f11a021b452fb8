"""States of vision towers equal transformers', from pixels that equal its image processors'."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import load_file, save_file

from xstilts.config.vision import PACKAGED_TOWER, VisionConfig
from xstilts.core.errors import ConfigError, EncoderError, MissingPackageError, UnknownNameError
from xstilts.models.vision import tower_source
from xstilts.models.vision.efficientnet_lite import EfficientNetLite0
from xstilts.models.vision.preprocessing import Preprocessing, preprocessing_of
from xstilts.models.vision.tower import VisionTower
from xstilts.models.vision.tower_files import (
    LITE_PREPROCESSING,
    import_packaged,
    import_tower,
    read_tower,
)
from xstilts.models.vision.tower_source import find_tower, packaged_weights, preprocessor_config
from xstilts.testing.towers import FAMILIES, PATCH, SIZE, WIDTH, write_tower

PROCESSORS = {
    "clip": "CLIPImageProcessorPil",
    "siglip": "SiglipImageProcessorPil",
    "siglip2": "Siglip2ImageProcessorPil",
    "vit": "ViTImageProcessorPil",
    "dinov2": "BitImageProcessorPil",
}
MILITARY_UNIFORM = 652
"""Class of ImageNet."""


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("towers")
    return {family: write_tower(folder / family, family) for family in FAMILIES}


def tower_of(folder: Path, target: Path, **output: Any) -> VisionTower:
    target.mkdir(exist_ok=True)
    import_tower(folder, target, {"states": "patches", **output})
    return VisionTower(target)


@torch.no_grad()
def original(folder: Path, family: str, pixels: NDArray[np.uint8]) -> Any:
    """The output of transformers' own model and image processor."""
    name = PROCESSORS[family.removesuffix("_with_registers")]
    processor = getattr(transformers, name).from_pretrained(folder)
    batch = processor(images=Image.fromarray(pixels), return_tensors="pt")
    model: Any = transformers.AutoModel.from_pretrained(folder).eval()
    if family in ("clip", "siglip"):
        return model.vision_model(**batch), model.get_image_features(**batch)
    output = model(**batch)
    return output, output


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("size", [(40, 60), (64, 33)])
def test_states_equal_those_of_transformers(
    family: str, size: tuple[int, int], towers: dict[str, Path], tmp_path: Path
) -> None:
    pixels = noise(*size)
    expected = original(towers[family], family, pixels)[0].last_hidden_state[0].numpy()
    tower = tower_of(towers[family], tmp_path)
    if family == "siglip2":
        rows, columns = (side // PATCH for side in tower.preprocessing.resized(*size))
        cells = torch.from_numpy(expected[: rows * columns].T.reshape(-1, rows, columns).copy())
        expected = torch.nn.functional.adaptive_avg_pool2d(cells, 4).flatten(1).T.numpy()
    states = tower.states(pixels)
    assert states.dtype == np.float32
    assert states.shape == expected.shape
    np.testing.assert_allclose(states, expected, atol=2e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_pooled_vector_is_that_of_the_model(
    family: str, towers: dict[str, Path], tmp_path: Path
) -> None:
    pixels = noise(40, 60)
    output = original(towers[family], family, pixels)[1]
    if family == "vit":
        expected = original(towers[family], family, pixels)[0].last_hidden_state[:, 0]
    else:
        expected = output if isinstance(output, torch.Tensor) else output.pooler_output
    states = tower_of(towers[family], tmp_path, states="pooled").states(pixels)
    np.testing.assert_allclose(states, expected.numpy(), atol=2e-6)


@pytest.mark.parametrize("family", ["clip", "dinov2_with_registers", "siglip"])
def test_a_grid_averages_the_patches_alone(
    family: str, towers: dict[str, Path], tmp_path: Path
) -> None:
    pixels = noise(40, 40)
    every = tower_of(towers[family], tmp_path / "all").states(pixels)
    states = tower_of(towers[family], tmp_path / "grid", grid=2).states(pixels)
    before = len(every) - (SIZE // PATCH) ** 2
    assert states.shape == (before + 4, WIDTH)
    np.testing.assert_array_equal(states[:before], every[:before])
    corner = every[before:].reshape(4, 4, WIDTH)[:2, 2:].mean((0, 1))
    np.testing.assert_allclose(states[before + 1], corner, atol=1e-6)


@pytest.mark.parametrize("family", PROCESSORS)
@pytest.mark.parametrize("size", [(40, 60), (333, 200), (20, 31), (37, 36)])
def test_pixels_equal_those_of_the_image_processor(
    family: str, size: tuple[int, int], towers: dict[str, Path]
) -> None:
    processor = getattr(transformers, PROCESSORS[family]).from_pretrained(towers[family])
    pixels = noise(*size)
    batch = processor(images=Image.fromarray(pixels), return_tensors="np")
    ours = preprocessing_of(preprocessor_config(towers[family]), "")(pixels)
    if family == "siglip2":
        rows, columns = batch["spatial_shapes"][0]
        patches = batch["pixel_values"][0][: rows * columns].reshape(rows, columns, PATCH, PATCH, 3)
        expected = patches.transpose(4, 0, 2, 1, 3).reshape(3, rows * PATCH, columns * PATCH)
    else:
        expected = batch["pixel_values"][0]
    np.testing.assert_array_equal(ours, expected.astype(np.float32))


@pytest.mark.parametrize(
    ("config", "family"),
    [
        ({"feature_extractor_type": "CLIPFeatureExtractor", "size": 32, "crop_size": 32}, "clip"),
        ({"image_processor_type": "ViTFeatureExtractor", "size": 32}, "vit"),
        (
            {
                "image_processor_type": "SiglipImageProcessorFast",
                "size": {"height": 32, "width": 16},
            },
            "siglip",
        ),
    ],
)
def test_older_and_other_forms_of_the_file_are_read(config: dict[str, Any], family: str) -> None:
    processor = getattr(transformers, PROCESSORS[family])(
        **{key: value for key, value in config.items() if not key.endswith("_type")}
    )
    pixels = noise(40, 60)
    batch = processor(images=Image.fromarray(pixels), return_tensors="np")
    np.testing.assert_array_equal(preprocessing_of(config, "")(pixels), batch["pixel_values"][0])


def test_preprocessing_survives_json() -> None:
    assert Preprocessing.from_json(json.loads(json.dumps(LITE_PREPROCESSING.to_json()))) == (
        LITE_PREPROCESSING
    )


@pytest.mark.parametrize(
    "change",
    [
        {"image_processor_type": "DetrImageProcessor"},
        {"do_resize": False},
        {"size": {"shortest_edge": 30, "longest_edge": 60}},
        {"image_mean": [0.5]},
    ],
)
def test_steps_that_are_not_supported_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match="image processor"):
        preprocessing_of({"image_processor_type": "CLIPImageProcessor", **change}, "folder")


# EfficientNet-Lite0


def test_the_packaged_weights_fit_the_architecture() -> None:
    weights = torch.load(packaged_weights(), weights_only=True)
    model = EfficientNetLite0()
    model.load_state_dict(weights, strict=True)
    assert sum(one.numel() for one in model.parameters()) == 4_652_008


def test_the_packaged_tower_knows_a_photograph(tmp_path: Path) -> None:
    """The photograph of Grace Hopper in uniform that comes with matplotlib."""
    import_packaged(tmp_path, {"states": "patches"})
    model, values = read_tower(tmp_path)
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    images = torch.from_numpy(Preprocessing.from_json(values["preprocessing"])(pixels))[None]
    assert MILITARY_UNIFORM in model(images)[0].topk(3).indices.tolist()
    states = VisionTower(tmp_path).states(pixels)
    assert states.shape == (49, 1280)
    logits = model._fc(torch.from_numpy(states).mean(0))
    torch.testing.assert_close(logits, model(images)[0], atol=1e-4, rtol=1e-4)


def test_padding_is_uneven_where_the_stride_does_not_fit() -> None:
    """TensorFlow's SAME: of an even image, the further row and column are at the end."""
    model = EfficientNetLite0()
    model._conv_stem.weight.data.zero_()
    model._conv_stem.weight.data[0, 0, 0, 0] = 1.0
    images = torch.zeros(1, 3, 4, 4)
    images[0, 0, 0, 0] = 1.0
    assert model._conv_stem(images)[0, 0].nonzero().tolist() == [[0, 0]]


def test_other_bytes_than_the_packaged_ones_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tower_source, "FILE", "../PIL/__init__.py")
    with pytest.raises(EncoderError, match="EfficientNet"):
        import_packaged(tmp_path, {"states": "patches"})


# sources


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tower_source, "find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"xstilts\[vision\]"):
        find_tower(VisionConfig(), tmp_path)


def test_a_folder_is_named_by_its_files(towers: dict[str, Path], tmp_path: Path) -> None:
    folder = str(towers["clip"])
    source = find_tower(VisionConfig(name=folder), tmp_path)
    assert set(source.params["source"]["files"]) == {path.name for path in towers["clip"].iterdir()}
    pooled = find_tower(VisionConfig(name=folder, states="pooled"), tmp_path)
    assert pooled.params != source.params


@pytest.mark.parametrize("name", ["efficientnet", "./nothing", "/nothing"])
def test_an_unknown_tower_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises((UnknownNameError, EncoderError)) as raised:
        find_tower(VisionConfig(name=name), tmp_path)
    assert raised.value.where == "vision.name" or PACKAGED_TOWER in str(raised.value)


def test_one_vector_has_no_grid(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="grid"):
        find_tower(VisionConfig(states="pooled", grid=2), tmp_path)


def test_a_folder_without_vision_tower_is_refused(towers: dict[str, Path], tmp_path: Path) -> None:
    def copied(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for path in towers["vit"].iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        return folder

    bert = copied("bert")
    (bert / "config.json").write_text('{"model_type": "bert"}')
    no_processor = copied("no-processor")
    (no_processor / "preprocessor_config.json").unlink()
    no_weights = copied("no-weights")
    (no_weights / "model.safetensors").unlink()
    for folder in (bert, no_processor, no_weights):
        with pytest.raises(EncoderError):
            find_tower(VisionConfig(name=str(folder)), tmp_path)


def test_missing_or_infinite_weights_are_named(towers: dict[str, Path], tmp_path: Path) -> None:
    for change in ("missing", "infinite"):
        folder = tmp_path / change
        write_tower(folder, "dinov2")
        weights = load_file(folder / "model.safetensors")
        name = next(key for key in weights if key.endswith("layernorm.weight"))
        value = weights.pop(name)
        if change == "infinite":
            weights[name] = torch.full_like(value, float("inf"))
        save_file(weights, folder / "model.safetensors", {"format": "pt"})
        with pytest.raises(EncoderError, match=r"layernorm\.weight"):
            import_tower(folder, tmp_path, {"states": "patches"})
