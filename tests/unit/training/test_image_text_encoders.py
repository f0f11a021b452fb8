"""Image retrieval with a text encoder and a vision tower that share a space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from xstilts.formats.base import Feature, HeadShape
from xstilts.formats.image_features import ImageFeatures, WithImages, with_image_shape
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.testing.encoder_families import write_family
from xstilts.training.batching import collate
from xstilts.training.multitask_model import MultiTaskModel, initialised

END, JOINT = 4, 512
TEXTS = ([0, 20, 41, 32, 57, END], [0, 38, 24, END])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    write_family(folder / "hf", "clip", max_position_embeddings=20, eos_token_id=END)
    (folder / "stored").mkdir()
    import_encoder(folder / "hf", folder / "stored")
    return folder


def model(folder: Path, states: int, width: int) -> tuple[MultiTaskModel, list[Feature]]:
    files = EncoderFiles(folder / "stored")
    plain = [Feature(str(n), text, [0] * len(text), 0) for n, text in enumerate(TEXTS)]
    tower = np.random.default_rng(0).standard_normal((2, states, width), dtype=np.float32)
    images = ImageFeatures(tower, {"a": 0, "b": 1})
    features = WithImages(plain, images, [["a"], ["b"]])
    shape = with_image_shape(HeadShape("image_retrieval", 0, 0.0, "last"), features)
    encoder = Encoder(files, files.used_ids(TEXTS))
    return initialised(encoder, {"t": shape}, 0).eval(), list(features)


def vectors(made: MultiTaskModel, features: list[Feature]) -> torch.Tensor:
    batch = collate(features, made.encoder.files.tokenizer().pad_token_id)
    with torch.no_grad():
        found: torch.Tensor = made("t", batch.ids, batch.mask, batch.types, images=batch.images)
    return found


def test_vectors_of_one_image_text_model_are_those_of_transformers(folder: Path) -> None:
    made, features = model(folder, 1, JOINT)
    assert not list(made.heads.parameters())
    found = vectors(made, features)
    whole = transformers.AutoModel.from_pretrained(folder / "hf", trust_remote_code=False).eval()
    for row, (text, feature) in enumerate(zip(TEXTS, features, strict=True)):
        with torch.no_grad():
            wanted = whole.get_text_features(input_ids=torch.tensor([text])).pooler_output[0]
        torch.testing.assert_close(found[row, 0], wanted, atol=1e-5, rtol=1e-4)
        assert np.array_equal(found[row, 1].numpy(), feature.images[0, 0])  # type: ignore[index]


@pytest.mark.parametrize(("states", "width"), [(4, JOINT), (1, 48)])
def test_states_of_another_space_are_projected_to_that_of_the_texts(
    folder: Path, states: int, width: int
) -> None:
    made, features = model(folder, states, width)
    assert made.heads["t"].projection.weight.shape == (JOINT, width)  # type: ignore[union-attr]
    assert vectors(made, features).shape == (2, 2, JOINT)
