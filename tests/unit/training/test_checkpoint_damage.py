"""Checkpoints of other stages and damaged ones are not believed; what cannot be read stays."""

from __future__ import annotations

import json
import os
import random
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from xstilts.core.errors import StoreError
from xstilts.core.hashing import digest_of
from xstilts.training.checkpoint import FACTS, TENSORS, Checkpoint, Checkpoints
from xstilts.translate.resume import FILE, TranslatedBatch, TranslationLog

KEY, OTHER = "a" * 64, "b" * 64


def saved(folder: Path, key: str = KEY) -> Checkpoints:
    checkpoints = Checkpoints(folder, key)
    for step in (1, 2):
        tensors = {"w": torch.full((3,), float(step))}
        checkpoints.save(Checkpoint(step, tensors, {"loss": step / 3}))
    return checkpoints


def test_the_group_can_read_a_checkpoint_if_the_umask_lets_it(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        saved(tmp_path)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("step-*/*")}
    assert modes == {0o640}


def test_a_checkpoint_of_another_stage_is_not_resumed(tmp_path: Path) -> None:
    saved(tmp_path / "mine")
    saved(tmp_path / "theirs", OTHER)
    shutil.rmtree(tmp_path / "mine" / "step-2")
    shutil.copytree(tmp_path / "theirs" / "step-2", tmp_path / "mine" / "step-2")
    found, notes = Checkpoints(tmp_path / "mine", KEY).newest()
    assert found is not None
    assert found.step == 1
    assert OTHER[:12] in notes[0]


def test_a_checkpoint_of_an_earlier_version_is_resumed(tmp_path: Path) -> None:
    saved(tmp_path)
    path = tmp_path / "step-2" / FACTS
    facts = json.loads(path.read_text())
    del facts["key"], facts["self"]
    path.write_text(json.dumps({**facts, "self": digest_of(facts)}))
    found, notes = Checkpoints(tmp_path, KEY).newest()
    assert found is not None
    assert (found.step, notes) == (2, [])


def flipped(data: bytes, draw: random.Random) -> bytes:
    position = draw.randrange(8 * len(data))
    changed = bytearray(data)
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


@pytest.mark.parametrize("file", [FACTS, TENSORS])
@pytest.mark.parametrize(
    "change",
    [
        lambda data, draw: b"",
        lambda data, draw: data[: draw.randrange(len(data))],
        flipped,
        lambda data, draw: b"null",
        lambda data, draw: b"[]",
        lambda data, draw: b'{"self": 1}',
        lambda data, draw: b"[" * 9999,
        lambda data, draw: b"\xff\xfe",
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_older_one_used(
    tmp_path: Path, file: str, change: Callable[[bytes, random.Random], bytes]
) -> None:
    checkpoints, path = saved(tmp_path), tmp_path / "step-2" / file
    path.write_bytes(change(path.read_bytes(), random.Random(7)))
    found, notes = checkpoints.newest()
    assert found is not None
    assert (found.step, found.tensors["w"].tolist()) == (1, [1.0, 1.0, 1.0])
    assert "step-2 is damaged" in notes[0]
    assert not path.exists()


@pytest.mark.parametrize("file", [FACTS, TENSORS])
def test_a_checkpoint_that_cannot_be_read_stays(tmp_path: Path, file: str) -> None:
    checkpoints, path = saved(tmp_path), tmp_path / "step-2" / file
    path.unlink()
    path.symlink_to(path.name)  # opening it fails: too many levels of links
    with pytest.raises(StoreError, match="cannot be read"):
        checkpoints.newest()
    assert path.is_symlink()


def test_translations_of_another_stage_are_not_resumed(tmp_path: Path) -> None:
    TranslationLog(tmp_path, OTHER).add(TranslatedBatch(["un gato"]))
    assert TranslationLog(tmp_path, KEY).read() == []
    TranslationLog(tmp_path, KEY).add(TranslatedBatch(["un perro"], 1))
    assert TranslationLog(tmp_path, KEY).read() == [TranslatedBatch(["un perro"], 1)]


def test_translations_of_an_earlier_version_are_resumed(tmp_path: Path) -> None:
    line = {"translations": ["un gato"], "unknown": 0}
    text = json.dumps({**line, "self": digest_of(line)})
    (tmp_path / FILE).write_text(text + "\n")
    assert TranslationLog(tmp_path, KEY).read() == [TranslatedBatch(["un gato"])]
