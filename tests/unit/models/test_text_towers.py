"""Text sides of image-text models: text vectors, fixed lengths, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from xstilts.core.errors import EncoderError
from xstilts.formats.base import IGNORED, Feature, HeadShape
from xstilts.formats.fixed_length import fixed_length
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_config import check_text_config, shape_of
from xstilts.models.encoder_defaults import encoder_defaults_of
from xstilts.models.encoder_files import BODY, EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.text_towers import IMAGE_TEXT_TYPES, TEXT_TOWERS
from xstilts.testing.encoder_families import write_family
from xstilts.training.batching import collate
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import embed

POSITIONS = 20
END = 4
"""The end token; with the id 2 transformers' CLIP reads the token with the highest id."""
TEXTS = ([0, 20, 41, 32, 57, END], [0, 38, 24, END], [0, 38, 24, 99, END])
FAMILIES = ("siglip", "siglip2", "clip", "metaclip_2")


def imported(folder: Path, family: str) -> tuple[Any, EncoderFiles]:
    """The full model by transformers, and its text side in the store."""
    sizes = {"max_position_embeddings": POSITIONS, "eos_token_id": END}
    hub = write_family(folder / "hf", family, **sizes)
    (folder / "stored").mkdir()
    import_encoder(hub, folder / "stored")
    full = transformers.AutoModel.from_pretrained(hub, trust_remote_code=False).eval()
    return full, EncoderFiles(folder / "stored")


def features(files: EncoderFiles) -> list[Feature]:
    plain = [Feature(str(n), text, [0] * len(text), 0) for n, text in enumerate(TEXTS)]
    length = files.text_length
    padding = files.tokenizer().pad_token_id
    return plain if length is None else fixed_length(plain, length, padding)


def text_vectors(full: Any, padding: int) -> torch.Tensor:
    """What transformers computes with padding="max_length", which is how SigLIP was trained."""
    ids = torch.full((len(TEXTS), POSITIONS), padding)
    for row, text in enumerate(TEXTS):
        ids[row, : len(text)] = torch.tensor(text)
    with torch.no_grad():
        vectors: torch.Tensor = full.get_text_features(input_ids=ids).pooler_output
    return vectors


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_token_of_the_last_layer_is_the_text_vector(family: str, tmp_path: Path) -> None:
    full, files = imported(tmp_path, family)
    encoder = frozen_encoder(files)
    encoder.set_vocab(files.used_ids(TEXTS))
    padding = files.tokenizer().pad_token_id
    vectors = embed(encoder, features(files), padding, [(2, "last"), (1, "last")])
    wanted = text_vectors(full, padding)
    assert wanted.std(0).min() > 1e-4, "the texts of this test have equal vectors"
    assert vectors[2, "last"].shape == wanted.shape
    torch.testing.assert_close(torch.from_numpy(vectors[2, "last"]), wanted, atol=1e-5, rtol=1e-4)
    assert vectors[1, "last"].shape == (3, 32)


@pytest.mark.parametrize("family", FAMILIES)
def test_projected_vectors_in_bf16_are_those_of_fp32_within_rounding(
    family: str, tmp_path: Path
) -> None:
    _, files = imported(tmp_path, family)
    vectors = []
    for bf16 in (False, True):
        encoder = frozen_encoder(files, bf16=bf16)
        encoder.set_vocab(files.used_ids(TEXTS))
        arguments = encoder, features(files), files.tokenizer().pad_token_id, [(2, "last")]
        vectors.append(embed(*arguments, precision="bf16" if bf16 else "tf32")[2, "last"])
    exact, rounded = map(torch.from_numpy, vectors)
    assert not exact.equal(rounded)
    assert torch.cosine_similarity(exact, rounded).min() > 0.99


def test_the_projection_of_clip_can_be_wider_than_its_states(tmp_path: Path) -> None:
    full, files = imported(tmp_path, "clip")
    encoder = frozen_encoder(files)
    assert full.config.projection_dim == 512
    assert encoder.width == 32
    assert [encoder.vector_width(*output) for output in ((2, "last"), (2, "mean"))] == [512, 32]


@pytest.mark.parametrize("family", ["siglip", "siglip2"])
def test_siglip_reads_padding(family: str, tmp_path: Path) -> None:
    _, files = imported(tmp_path, family)
    assert files.text_length == POSITIONS
    encoder = Encoder(files, files.used_ids(TEXTS)).eval()
    padded = torch.tensor([[*TEXTS[1], *[files.tokenizer().pad_token_id] * 16]])
    mask = torch.ones_like(padded)
    mask[:, 4:] = 0
    with torch.no_grad():
        read = encoder(padded, torch.ones_like(mask), torch.zeros_like(mask))
        masked = encoder(padded, mask, torch.zeros_like(mask))
    assert (read - masked)[:, :4].abs().max() > 1e-3


@pytest.mark.parametrize("family", ["clip", "metaclip_2"])
def test_clip_does_not_depend_on_padding(family: str, tmp_path: Path) -> None:
    _, files = imported(tmp_path, family)
    assert files.text_length is None


@pytest.mark.parametrize("family", FAMILIES)
def test_training_the_text_side_keeps_its_projection(family: str, tmp_path: Path) -> None:
    _, files = imported(tmp_path, family)
    encoder = Encoder(files, files.used_ids(TEXTS))
    ids = torch.tensor([TEXTS[0]])
    encoder(ids, torch.ones_like(ids), torch.zeros_like(ids)).square().sum().backward()
    tower = TEXT_TOWERS[files.config().model_type]
    weight = encoder.model.get_submodule(tower.projection).weight
    assert weight.grad is None
    assert sum(value.grad is not None for value in encoder.model.parameters()) > 20
    assert (files.root / BODY).is_file()
    assert files.body()[f"{tower.projection}.weight"].equal(weight)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_dual_encoder_compares_the_vectors_that_are_searched(family: str, tmp_path: Path) -> None:
    """Its training reaches the projection."""
    _, files = imported(tmp_path, family)
    encoder = Encoder(files, files.used_ids(TEXTS))
    shapes = {"t": HeadShape("dual_encoder", 0, 0.0, "last")}
    model = initialised(encoder, shapes, seed=0).eval()
    padding = files.tokenizer().pad_token_id
    batch = collate(features(files), padding)
    vectors = model("t", batch.ids, batch.mask, batch.types)
    searched = embed(encoder, features(files), padding, [(2, "last")])[2, "last"]
    torch.testing.assert_close(vectors.detach(), torch.from_numpy(searched))
    vectors.square().sum().backward()
    tower = TEXT_TOWERS[files.config().model_type]
    assert encoder.model.get_submodule(tower.projection).weight.grad is not None


@pytest.mark.parametrize("kind", IMAGE_TEXT_TYPES)
def test_sizes_that_published_configs_leave_out_are_those_of_transformers(kind: str) -> None:
    text = transformers.AutoConfig.for_model(IMAGE_TEXT_TYPES[kind])
    shape = shape_of({"model_type": kind, "text_config": {}, "vision_config": {}})
    assert shape is not None
    assert shape[:4] == (
        *(text.num_hidden_layers, text.hidden_size, text.vocab_size),
        text.max_position_embeddings,
    )
    assert shape.model_type == text.model_type
    assert shape.causal == TEXT_TOWERS[text.model_type].causal


def test_sentence_heads_and_retrieval_read_the_last_token() -> None:
    config = {"model_type": "siglip", "text_config": {"num_hidden_layers": 5}, "vision_config": {}}
    defaults = encoder_defaults_of(None, shape_of(config))
    assert (defaults.pooling, defaults.retrieval_pooling) == ("last", "last")
    assert (defaults.layers, defaults.retrieval_layer) == (5, 5)


@pytest.mark.parametrize("kind", IMAGE_TEXT_TYPES)
def test_known_image_text_models_are_not_refused(kind: str) -> None:
    check_text_config({"model_type": kind, "text_config": {}, "vision_config": {}}, "m")


def test_a_text_side_without_its_projection_is_refused(tmp_path: Path) -> None:
    hub = write_family(tmp_path / "hf", "clip")
    text = transformers.CLIPTextModel.from_pretrained(hub)
    text.config.architectures = ["CLIPTextModelWithProjection"]
    text.save_pretrained(hub)
    config = text.config
    config.architectures = ["CLIPTextModelWithProjection"]
    config.save_pretrained(hub)
    (tmp_path / "stored").mkdir()
    with pytest.raises(EncoderError, match="text_projection"):
        import_encoder(hub, tmp_path / "stored")


def test_added_subwords_have_no_label_no_word_and_no_characters() -> None:
    extra = Feature("1", [7, 8], [0, 0], 0)
    tagged = Feature("1", [0, 5, 2], [0, 0, 0], [IGNORED, 3, IGNORED], (1,), (extra,))
    (found,) = fixed_length([tagged], 5, 9)
    assert found.ids == [0, 5, 2, 9, 9]
    assert found.types == [0] * 5
    assert found.target == [IGNORED, 3, IGNORED, IGNORED, IGNORED]
    assert found.words == (1,)
    assert found.extra_texts[0].ids == [7, 8, 9, 9, 9]
    span = Feature("2", [0, 5, 6, 2], [0] * 4, [1, 2], offsets=((-1, -1), (0, 2), (3, 4), (-1, -1)))
    (found,) = fixed_length([span], 6, 9)
    assert found.target == [1, 2]
    assert found.offsets[4:] == ((-1, -1), (-1, -1))
