"""Pickled weights become safetensors in a restricted process; anything but tensors is refused."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

from xstilts.cli.app import app
from xstilts.core.errors import EncoderError
from xstilts.models import pickle_worker
from xstilts.models.encoder_source import find_source
from xstilts.models.pickled_weights import convert_encoder
from xstilts.testing.tiny import write_encoder


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_encoder(tmp_path / "plain")


@pytest.fixture
def pickled(plain: Path) -> Path:
    """The encoder as older repositories have it, with a tensor that is shared."""
    weights = load_file(plain / "model.safetensors")
    weights["lm_head.decoder.weight"] = weights["embeddings.word_embeddings.weight"]
    torch.save(weights, plain / "pytorch_model.bin")
    (plain / "model.safetensors").unlink()
    return plain


def test_the_copy_has_the_same_tensors_and_is_a_usable_encoder(
    pickled: Path, tmp_path: Path
) -> None:
    (pickled / "1_Pooling").mkdir()
    (pickled / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    before = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    copy = convert_encoder(pickled, tmp_path / "new" / "copy")
    after = load_file(copy / "model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not list(copy.glob("*.bin"))
    assert find_source(str(copy), None, tmp_path).defaults.pooling == "mean"
    assert not [path for path in copy.parent.iterdir() if path != copy]


def test_shards_are_converted_one_by_one(pickled: Path, tmp_path: Path) -> None:
    weights = torch.load(pickled / "pytorch_model.bin", weights_only=True)
    (pickled / "pytorch_model.bin").unlink()
    names = sorted(weights)
    parts = {f"pytorch_model-{n}-of-2.bin": names[n::2] for n in (0, 1)}
    for file, keys in parts.items():
        torch.save({key: weights[key].clone() for key in keys}, pickled / file)
    index = {"metadata": {}, "weight_map": {k: file for file, keys in parts.items() for k in keys}}
    (pickled / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    copy = convert_encoder(pickled, tmp_path / "copy")
    written = json.loads((copy / "model.safetensors.index.json").read_text())["weight_map"]
    assert set(written.values()) == {"model-0-of-2.safetensors", "model-1-of-2.safetensors"}
    for name, file in written.items():
        assert torch.equal(load_file(copy / file)[name], weights[name])
    for wrong in ("../pytorch_model.bin", "absent.bin"):
        index["weight_map"] = {"a": wrong}
        (pickled / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        with pytest.raises(EncoderError, match="not in the folder"):
            convert_encoder(pickled, tmp_path / "other")


class Command:
    """An object that runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_file_that_would_run_code_is_refused_and_runs_nothing(
    pickled: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "ran"
    for write in (
        lambda path: torch.save({"a": Command(mark)}, path),
        lambda path: path.write_bytes(pickle.dumps({"a": Command(mark)})),
    ):
        write(pickled / "pytorch_model.bin")
        with pytest.raises(EncoderError, match=r"pytorch_model\.bin is refused"):
            convert_encoder(pickled, tmp_path / "copy")
    assert not mark.exists()
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("value", [{"a": 3}, [1], {"a": {"b": torch.ones(1)}}, {}])
def test_a_file_with_more_than_tensors_is_refused(
    tmp_path: Path, value: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save(value, tmp_path / "weights.bin")
    monkeypatch.setattr(pickle_worker, "restrict", lambda _: None)  # not of the tests' process
    files = str(tmp_path / "weights.bin"), str(tmp_path / "out.safetensors")
    assert pickle_worker.main(*files) == pickle_worker.REFUSED
    assert "tensor" in capsys.readouterr().err


def test_the_command_and_the_error_of_a_pickle_name_each_other(
    pickled: Path, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError) as raised:
        find_source(str(pickled), None, tmp_path)
    assert f"xstilts encoders convert {pickled} --to DIR" in str(raised.value)
    arguments = ["encoders", "convert", str(pickled), "--to", str(tmp_path / "copy")]
    shown = CliRunner().invoke(app, [*arguments, "--json"])
    assert shown.exit_code == 0
    assert json.loads(shown.stdout) == {"path": str(tmp_path / "copy")}
    assert find_source(str(tmp_path / "copy"), None, tmp_path).folder
    with pytest.raises(EncoderError, match="not empty"):
        convert_encoder(pickled, tmp_path / "copy")
    with pytest.raises(EncoderError, match="safetensors already"):
        convert_encoder(tmp_path / "copy", tmp_path / "third")
