"""The sizes of an unknown model on the Hub: read, or assumed with a warning."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage, IncompleteRead
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import huggingface_hub
import pytest

from xstilts.core.errors import EncoderError
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.executors.worker import execute_stage
from xstilts.models.encoder_source import find_source, folder_defaults
from xstilts.models.hub_config import KeepTokenAtHost, hub_sentence_encoder, hub_shape
from xstilts.stages import import_encoder
from xstilts.testing.tiny import write_encoder

CONFIG = {"model_type": "bert", "num_hidden_layers": 24, "hidden_size": 64, "vocab_size": 9}


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    for cached in (hub_shape, hub_sentence_encoder):
        cached.cache_clear()
    yield
    for cached in (hub_shape, hub_sentence_encoder):
        cached.cache_clear()


def test_the_sizes_of_an_unknown_model_are_read_from_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_opener: Any, request: Any, timeout: float) -> BytesIO:
        asked.append(request.full_url.partition("someone/model/resolve/abc/")[2])
        assert timeout <= 10
        if asked[-1] != "config.json":
            raise HTTPError(request.full_url, 404, "not found", HTTPMessage(), None)
        return BytesIO(json.dumps(CONFIG).encode())

    asked: list[str] = []

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", answer)
    defaults = find_source("someone/model", "abc", tmp_path).defaults
    assert (defaults.layers, defaults.width, defaults.retrieval_layer) == (24, 64, 14)
    assert not defaults.assumed
    assert asked == ["config.json", "modules.json", "1_Pooling/config.json"]


@pytest.mark.parametrize(
    ("url", "kept"), [("https://hub/other", True), ("https://elsewhere/config.json", False)]
)
def test_the_token_is_sent_to_no_other_host(url: str, kept: bool) -> None:
    request = urllib.request.Request("https://hub/x", headers={"Authorization": "Bearer x"})
    moved = (BytesIO(), 307, "moved", HTTPMessage(), url)
    following = KeepTokenAtHost().redirect_request(request, *moved)
    assert following is not None
    assert following.has_header("Authorization") == kept


def test_a_cut_answer_of_the_hub_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def cut(*_: Any, **__: Any) -> BytesIO:
        raise IncompleteRead(b"")

    monkeypatch.setattr(urllib.request.OpenerDirector, "open", cut)
    assert hub_shape("someone/model", "main") is None
    assert "config.json cannot be read" in caplog.text


def test_the_sizes_of_a_cached_model_are_read_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_, **__: str(path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert find_source("someone/model", None, tmp_path).defaults.layers == 24


def test_assumed_sizes_are_named_in_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    found = find_source("someone/model", None, tmp_path)
    assert found.defaults.assumed
    assert found.defaults.positions is None
    assert "12 layers of width 768" in caplog.text
    assert "someone/model" in caplog.text


@pytest.mark.parametrize(
    "name", ["layers", "pooling", "retrieval layer", "prompt", "masked LM head in keys"]
)
def test_an_encoder_that_is_not_as_assumed_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = write_encoder(tmp_path / "hf")
    monkeypatch.setattr(import_encoder, "_download", lambda _: folder)
    params = {"source": {"from": "hub", "name": "someone/model", "revision": "main"}}
    actual = folder_defaults(folder).reading(masked_lm=True)
    context = {"assumed": {**actual, name: 99}, "masked_lm": True}
    stage = Stage("encoder", 1, params, {}, "encoder", context=context)
    with pytest.raises(EncoderError, match=f"assumed {name} 99"):
        execute_stage(Store(tmp_path / "store").prepare(), stage, lambda _: None)
