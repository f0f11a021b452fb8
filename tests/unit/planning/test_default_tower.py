"""The default vision tower: the encoder's own, where it is an image-text model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from xstilts.config.vision import PACKAGED_TOWER, VisionConfig
from xstilts.core.errors import ConfigError
from xstilts.models.encoder_defaults import E5_SMALL
from xstilts.models.encoder_source import EncoderSource, find_source
from xstilts.models.vision.tower import VisionTower
from xstilts.models.vision.tower_files import import_tower
from xstilts.models.vision.tower_source import find_tower
from xstilts.planning.default_tower import check_joint_space, chosen_tower
from xstilts.tasks import TASKS
from xstilts.testing.encoder_families import write_family

PROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 3,
}
PIXELS = np.random.default_rng(0).integers(256, size=(32, 32, 3), dtype=np.uint8)


def image_text_model(folder: Path, family: str) -> Path:
    hub = write_family(folder, family)
    (hub / "preprocessor_config.json").write_text(json.dumps(PROCESSOR))
    return hub


@pytest.mark.parametrize("family", ["clip", "metaclip_2", "siglip", "siglip2"])
def test_an_image_text_model_brings_its_own_tower(family: str, tmp_path: Path) -> None:
    hub = image_text_model(tmp_path / "model", family)
    source = find_source("model", None, tmp_path)
    choice = chosen_tower(None, source)
    assert choice.name == str(hub)
    assert find_tower(choice, Path("/")).folder == hub
    assert chosen_tower(VisionConfig(grid=2), source) == VisionConfig(name=str(hub), grid=2)
    named = VisionConfig(name=PACKAGED_TOWER)
    assert chosen_tower(named, source) is named


def test_an_encoder_of_texts_has_the_packaged_tower(tmp_path: Path) -> None:
    write_family(tmp_path / "model", "bert")
    assert chosen_tower(None, find_source("model", None, tmp_path)).name == PACKAGED_TOWER


def test_a_tower_that_cannot_be_known_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xstilts.planning.default_tower.source_json", lambda *_: None)
    params = {"from": "hub", "name": "some/model", "revision": "main"}
    with pytest.raises(ConfigError, match=r"some/model.*vision tower"):
        chosen_tower(None, EncoderSource("some/model", params, E5_SMALL))
    known = "FacebookAI/xlm-roberta-base"
    source = EncoderSource(known, {**params, "name": known}, E5_SMALL)
    assert chosen_tower(None, source).name == PACKAGED_TOWER
    assert chosen_tower(VisionConfig(name="a/b"), EncoderSource("c/d", params, E5_SMALL))


def test_pooled_vectors_of_another_tower_are_not_compared_with_captions(tmp_path: Path) -> None:
    image_text_model(tmp_path / "model", "clip")
    image_text_model(tmp_path / "other", "siglip")
    source = find_source("model", None, tmp_path)
    retrieval, inference = TASKS.get("emoji-retrieval"), TASKS.get("emoji-nli")
    other = find_tower(VisionConfig(name="other", states="pooled"), tmp_path)
    own = find_tower(VisionConfig(name="model", states="pooled"), tmp_path)
    with pytest.raises(ConfigError, match=r"emoji-retrieval.*another space"):
        check_joint_space(other, source, retrieval)
    check_joint_space(own, source, retrieval)
    check_joint_space(other, source, inference)
    check_joint_space(find_tower(VisionConfig(name="other"), tmp_path), source, retrieval)
    write_family(tmp_path / "texts", "bert")
    check_joint_space(other, find_source("texts", None, tmp_path), retrieval)


@pytest.mark.parametrize("states", ["patches", "pooled"])
def test_the_tower_of_metaclip_2_has_the_states_of_transformers(
    states: str, tmp_path: Path
) -> None:
    hub, target = image_text_model(tmp_path / "hf", "metaclip_2"), tmp_path / "stored"
    target.mkdir()
    import_tower(hub, target, {"states": states})
    found = torch.from_numpy(VisionTower(target).states(PIXELS)).cpu()
    pixels = torch.from_numpy(PIXELS).permute(2, 0, 1)[None] / 255
    whole = transformers.AutoModel.from_pretrained(hub, trust_remote_code=False).eval()
    with torch.no_grad():
        output = whole.get_image_features(pixel_values=(pixels - 0.5) / 0.5)
    wanted = output.pooler_output if states == "pooled" else output.last_hidden_state[0]
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
