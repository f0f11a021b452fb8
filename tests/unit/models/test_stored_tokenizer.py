"""The tokenizer that a store keeps is the encoder's, and is read once, not twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

import pytest
from tokenizers import AddedToken
from transformers import AutoModel, AutoTokenizer, tokenization_utils_base

from xstilts.models.encoder_import import import_encoder
from xstilts.testing.tiny import write_encoder

CONFIG, FAST = "tokenizer_config.json", "tokenizer.json"
ENTRY = "added_tokens_decoder"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder with added tokens of several kinds, as transformers writes it."""
    folder = write_encoder(tmp_path_factory.mktemp("tiny") / "hf")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([AddedToken("new word", lstrip=True, single_word=True)])
    tokenizer.add_special_tokens({"extra_special_tokens": ["<query>", "<text>"]})
    tokenizer.save_pretrained(folder)
    model = AutoModel.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def stored(original: Path) -> Path:
    target = original.with_name("stored")
    target.mkdir()
    import_encoder(original, target)
    return target


def settings(folder: Path) -> tuple[str, str, Any]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    special = {name: str(token) for name, token in tokenizer.special_tokens_map.items()}
    return tokenizer.backend_tokenizer.to_str(), str(tokenizer.added_tokens_decoder), special


def test_the_stored_tokenizer_is_that_of_the_encoder(original: Path, stored: Path) -> None:
    assert settings(stored) == settings(original)


def test_its_added_tokens_are_those_of_its_tokenizer_json(stored: Path) -> None:
    added = json.loads((stored / FAST).read_text())["added_tokens"]
    entry = json.loads((stored / CONFIG).read_text())[ENTRY]
    assert {"new word", "<query>"} < {token["content"] for token in added}
    assert entry == {str(token.pop("id")): token for token in added}


def test_its_tokenizer_json_is_not_parsed_for_its_added_tokens(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed = list[str]()

    def load(file: IO[str], **settings: Any) -> Any:
        parsed.append(Path(file.name).name)
        return json.loads(file.read(), **settings)

    monkeypatch.setattr(tokenization_utils_base.json, "load", load)
    AutoTokenizer.from_pretrained(stored)
    assert CONFIG in parsed
    assert FAST not in parsed
