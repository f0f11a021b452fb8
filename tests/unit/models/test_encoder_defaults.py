"""What is read of an encoder by default: the same however its weights are named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.errors import EncoderError
from xstilts.models import encoder_source
from xstilts.models.encoder_config import EncoderShape, check_text_config, is_causal
from xstilts.models.encoder_defaults import KNOWN_ENCODERS, encoder_defaults_of
from xstilts.models.encoder_source import SAFETENSORS_COMMITS, find_source
from xstilts.models.sentence_transformers import SentenceEncoder

CONFIGS = {
    "FacebookAI/xlm-roberta-base": ("xlm-roberta", 12, 768, 250_002, 514, 1),
    "FacebookAI/xlm-roberta-large": ("xlm-roberta", 24, 1024, 250_002, 514, 1),
    "google-bert/bert-base-multilingual-cased": ("bert", 12, 768, 119_547, 512, 0),
}


def write_config(folder: Path, kind: str, *sizes: int) -> None:
    names = ("num_hidden_layers", "hidden_size", "vocab_size", "max_position_embeddings")
    config = dict(zip((*names, "pad_token_id"), sizes, strict=True))
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": kind, **config}))
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes((2).to_bytes(8, "little") + b"{}")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_known_encoder_has_one_set_of_defaults_by_name_and_as_a_folder(
    name: str, tmp_path: Path
) -> None:
    write_config(tmp_path / "copy", *CONFIGS[name])
    by_name, by_folder = (find_source(one, None, tmp_path).defaults for one in (name, "./copy"))
    assert by_name == by_folder
    assert by_name.retrieval_layer == (14 if by_name.layers == 24 else 8)


def test_the_name_of_a_folder_decides_nothing(tmp_path: Path) -> None:
    write_config(tmp_path / "e5-small-packaged", "bert", 12, 384, 250_037, 512, 0)
    write_config(tmp_path / "other", "bert", 12, 384, 250_037, 512, 0)
    named, other = (
        find_source(f"./{name}", None, tmp_path).defaults for name in ("e5-small-packaged", "other")
    )
    assert named == other


def test_a_sentence_encoder_is_read_as_it_was_trained(tmp_path: Path) -> None:
    write_config(tmp_path / "e5", "xlm-roberta", 24, 1024, 250_002, 514, 1)
    (tmp_path / "e5" / "1_Pooling").mkdir()
    (tmp_path / "e5" / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    prompts = {"prompts": {"query": "query: "}}
    (tmp_path / "e5" / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    defaults = find_source("./e5", None, tmp_path).defaults
    assert (defaults.pooling, defaults.retrieval_pooling) == ("mean", "mean")
    assert (defaults.retrieval_layer, defaults.prompt) == (24, "query: ")


def test_a_complete_folder_of_e5_small_is_read_as_by_its_name(tmp_path: Path) -> None:
    write_config(tmp_path / "copy", "bert", 12, 384, 250_037, 512, 0)
    (tmp_path / "copy" / "1_Pooling").mkdir()
    config = tmp_path / "copy" / "1_Pooling" / "config.json"
    config.write_text('{"pooling_mode_mean_tokens": true}')
    readings = [
        find_source(name, None, tmp_path).defaults.reading()
        for name in ("intfloat/multilingual-e5-small", "./copy")
    ]
    assert readings[0] == readings[1]


def test_the_hub_model_has_the_defaults_of_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = EncoderShape(22, 768, 256_000, 8192, "modernbert")
    sentence = SentenceEncoder("last", "query: ", ("Dense",))
    monkeypatch.setattr(encoder_source, "hub_shape", lambda *_: shape)
    monkeypatch.setattr(encoder_source, "hub_sentence_encoder", lambda *_: (sentence, True))
    defaults = find_source("someone/model", None, tmp_path).defaults
    assert defaults == encoder_defaults_of(None, shape, sentence)
    assert (defaults.retrieval_layer, defaults.not_applied) == (22, ("Dense",))
    monkeypatch.setattr(encoder_source, "hub_sentence_encoder", lambda *_: (None, False))
    assert find_source("someone/model", None, tmp_path).defaults.assumed


@pytest.mark.parametrize(
    ("layers", "layer"), [(22, 13), (36, 21), (24, 14), (12, 7), (6, 4), (1, 1)]
)
def test_other_encoders_are_read_at_seven_twelfths_of_their_depth(layers: int, layer: int) -> None:
    defaults = encoder_defaults_of("x/y", EncoderShape(layers, 64, 1000))
    assert (defaults.pooling, defaults.retrieval_pooling) == ("cls", "mean")
    assert defaults.retrieval_layer == layer


def test_a_decoder_is_read_at_its_last_token() -> None:
    shape = EncoderShape(28, 1024, 151_669, 40_960, "qwen3", causal=True)
    defaults = encoder_defaults_of("x/y", shape)
    assert (defaults.pooling, defaults.retrieval_pooling) == ("last", "last")


@pytest.mark.parametrize(
    ("config", "causal"),
    [
        ({"model_type": "qwen3"}, True),
        ({"model_type": "bert", "is_decoder": True}, True),
        ({"model_type": "bert", "is_decoder": False}, False),
        ({"model_type": "gemma3_text"}, True),
        ({"model_type": "gemma3_text", "use_bidirectional_attention": True}, False),
        ({"model_type": "llama", "is_causal": False}, False),
        ({"model_type": "eurobert"}, False),
    ],
)
def test_decoders_are_known_by_their_config(config: dict[str, Any], causal: bool) -> None:
    assert is_causal(config) == causal


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "patch_size": 16},
        {"model_type": "blip", "text_config": {"vocab_size": 9}, "vision_config": {}},
        {"model_type": "whisper", "num_mel_bins": 80, "d_model": 8},
    ],
)
def test_models_of_images_and_sound_are_refused(config: dict[str, Any]) -> None:
    with pytest.raises(EncoderError, match=str(config["model_type"])):
        check_text_config(config, "somewhere")


def test_xmod_without_a_language_is_refused() -> None:
    config = {"model_type": "xmod", "vocab_size": 9, "languages": ["en_XX", "de_DE"]}
    with pytest.raises(EncoderError, match="adapter per language"):
        check_text_config(config, "somewhere")
    check_text_config({**config, "default_language": "en_XX"}, "somewhere")


def test_models_with_pickles_on_main_are_read_at_the_commit_with_safetensors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder_source, "hub_shape", lambda *_: None)
    for name, commit in SAFETENSORS_COMMITS.items():
        source = find_source(name, None, tmp_path)
        assert (source.params["revision"], source.pinned) == (commit, True)
        source = find_source(name, "main", tmp_path)
        assert (source.params["revision"], source.pinned) == ("main", False)
    assert not KNOWN_ENCODERS.keys() & SAFETENSORS_COMMITS.keys()
