"""Accepted encoders, and errors for others."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import pytest
import torch
from safetensors import safe_open

import xstilts
from xstilts.core.errors import EncoderError, UnknownNameError
from xstilts.models import encoder_source as source
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_config import EncoderShape
from xstilts.models.encoder_defaults import PACKAGED, PACKAGED_ON_HUB, encoder_defaults_of
from xstilts.models.encoder_files import EncoderFiles
from xstilts.models.encoder_import import import_encoder
from xstilts.models.encoder_source import find_source
from xstilts.testing.tiny import write_encoder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("tiny") / "hf")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "encoder"))


def test_pickled_weights_are_rejected(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(EncoderError, match="only available as pickle"):
        find_source(str(copy), None, copy)


def test_a_folder_without_config_or_weights_is_rejected(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    with pytest.raises(EncoderError, match=r"no model\.safetensors"):
        find_source(str(copy), None, copy)
    (copy / "config.json").unlink()
    with pytest.raises(EncoderError, match=r"no config\.json"):
        find_source(str(copy), None, copy)


@pytest.mark.parametrize(
    "name", ["adapter_config.json", "adapter_model.safetensors", "pytorch_adapter.bin"]
)
@pytest.mark.parametrize("alone", [True, False])
def test_an_adapter_in_the_folder_is_not_ignored(copy: Path, name: str, alone: bool) -> None:
    (copy / name).write_text("{}")
    if alone:
        (copy / "model.safetensors").unlink()
        (copy / "config.json").unlink()
    with pytest.raises(EncoderError, match=name) as raised:
        find_source(str(copy), None, copy)
    assert "merge_and_unload" in raised.value.todo


def test_an_encoder_without_a_fast_tokenizer_is_rejected(copy: Path, tmp_path: Path) -> None:
    """A vocabulary file alone, for a model whose tokenizer exists in Python only."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (copy / name).unlink()
    (copy / "vocab.txt").write_text("a\n")
    config = {"tokenizer_class": "CanineTokenizer"}
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match=r"not a fast tokenizer|tokenizer cannot be loaded"):
        import_encoder(copy, tmp_path)


def test_encoder_keys_depend_on_file_contents_and_not_on_paths(tiny: Path, copy: Path) -> None:
    assert (
        find_source(str(tiny), None, tiny).params
        == find_source("encoder", None, copy.parent).params
    )
    for name in ("config.json", "vocab.txt", "sentencepiece.bpe.model"):
        before = find_source(str(copy), None, copy).params
        with (copy / name).open("a") as file:
            file.write(" ")
        assert find_source(str(copy), None, copy).params != before
    (copy / "config.json").write_text("{")
    with pytest.raises(EncoderError, match="not JSON"):
        find_source(str(copy), None, copy)


def test_unknown_encoder_errors_suggest_the_nearest_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "hub_shape", lambda *_: None)
    with pytest.raises(UnknownNameError, match="did you mean 'xlm-roberta-base'"):
        find_source("xlm-roberta-bse", None, tmp_path)
    for absent in ("./absent", "absent/", "models/absent/"):
        with pytest.raises(EncoderError, match="there is no folder"):
            find_source(absent, None, tmp_path)
    assert find_source("someone/model", "abc", tmp_path).params["revision"] == "abc"


def test_the_hub_model_is_used_on_platforms_without_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "has_wheel", lambda: False)
    found = find_source(PACKAGED, None, tmp_path)
    assert found.params == {"from": "hub", "name": PACKAGED_ON_HUB, "revision": "main"}


def test_encoder_defaults_are_those_documented() -> None:
    assert encoder_defaults_of("FacebookAI/xlm-roberta-large", None).retrieval_layer == 14
    assert encoder_defaults_of("x/y", EncoderShape(24, 1024, 1000)).retrieval_layer == 14
    assert encoder_defaults_of("x/y", None).pooling == "cls"


def test_the_imported_encoder_equals_the_original(tiny: Path, tmp_path: Path) -> None:
    from transformers import AutoModel

    import_encoder(tiny, tmp_path)
    plain = AutoModel.from_pretrained(tiny, add_pooling_layer=False).state_dict()
    ids = torch.arange(len(EncoderFiles(tmp_path).full_embeddings()))
    stored = EncoderFiles(tmp_path).model(ids).state_dict()
    assert plain.keys() == stored.keys()
    assert all(torch.equal(plain[name], stored[name]) for name in plain)


def test_an_import_has_the_same_bytes_after_other_work_as_in_a_new_process(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, fresh = (tmp_path / name for name in ("first", "second", "fresh"))
    for folder in (first, second, fresh):
        folder.mkdir()
    import_encoder(tiny, first)
    files = EncoderFiles(first)
    files.tokenizer()(["one two three", "four"], truncation=True, max_length=3, padding=True)
    Encoder(files, torch.arange(9))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    import_encoder(tiny, second)
    code = "import sys, pathlib, xstilts.models.encoder_import as m; "
    code += "m.import_encoder(*map(pathlib.Path, sys.argv[1:]))"
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", code, str(tiny), str(fresh)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    names = {path.name for path in fresh.iterdir()}
    assert names == {path.name for path in second.iterdir()}
    for name in names:
        assert (fresh / name).read_bytes() == (second / name).read_bytes(), name


def test_mismatched_weights_are_named(tiny: Path, tmp_path: Path) -> None:
    import_encoder(tiny, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(EncoderError, match="do not fit the model"):
        EncoderFiles(tmp_path).model(torch.arange(9))


def sharded(folder: Path, shard: str) -> Path:
    """The encoder with all its weights in one shard that an index names."""
    weights = folder / "model.safetensors"
    with safe_open(weights, framework="pt") as file:
        names = list(file.keys())
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, shard)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    target = folder / shard
    target.parent.mkdir(parents=True, exist_ok=True)
    weights.rename(target)
    return target


def test_shards_in_a_subfolder_are_part_of_the_key_and_give_the_same_bytes(
    tiny: Path, copy: Path, tmp_path: Path
) -> None:
    shard = sharded(copy, "weights/model-1.safetensors")
    before = find_source(str(copy), None, copy).params["files"]
    assert "weights/model-1.safetensors" in before
    for folder, target in ((tiny, tmp_path / "one"), (copy, tmp_path / "two")):
        target.mkdir()
        import_encoder(folder, target)
    for path in (tmp_path / "one").glob("*.safetensors"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    shard.write_bytes(shard.read_bytes()[:-4] + b"\0\0\0\0")
    assert find_source(str(copy), None, copy).params["files"] != before


@pytest.mark.parametrize(
    "shard", ["../model-1.safetensors", "weights/../../model-1.safetensors", "weights/model-1.bin"]
)
def test_an_index_that_leaves_the_folder_or_names_a_pickle_is_refused(
    copy: Path, shard: str
) -> None:
    (copy / "weights").mkdir()
    sharded(copy, shard)
    with pytest.raises(EncoderError, match="model-1"):
        find_source(str(copy), None, copy)


INVALID = ("", "[]", "null", "[" * 9999)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("config.json", text) for text in INVALID),
        *((source.INDEX, text) for text in (*INVALID, "{}", '{"weight_map": [1]}')),
    ],
)
def test_a_damaged_description_of_an_encoder_is_refused(copy: Path, name: str, text: str) -> None:
    (copy / name).write_text(text)
    with pytest.raises(EncoderError):
        find_source(str(copy), None, copy)


def calls_of(path: Path, names: tuple[str, ...]) -> list[ast.Call]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "attr", "") in names]


def test_no_code_of_an_encoder_is_run() -> None:
    loading = {
        f"{path}:{call.lineno}": {word.arg: ast.unparse(word.value) for word in call.keywords}
        for path in Path(xstilts.__file__).parent.rglob("*.py")
        for call in calls_of(path, ("from_pretrained", "from_config"))
    }
    assert len(loading) >= 8
    for where, words in loading.items():
        assert words.get("trust_remote_code") == "False", where
