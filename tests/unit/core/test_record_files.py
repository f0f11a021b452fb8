"""Records are one JSON object that is verified and read line by line."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from xstilts.core.hashing import DIGEST, digest_of_object, with_digest, without_digest
from xstilts.core.record_files import RecordContent, read_record, written_digest
from xstilts.core.stage import Cost, Stage


@dataclass(frozen=True)
class Cell:
    name: str
    keys: tuple[str, ...]


STAGES = [
    Stage("toy", 1, {"n": n, "text": '],"é":[ \n"'}, cost=Cost(1e-7, 3, 3e17)) for n in range(3)
]
CELLS = [Cell("a", ("k", "l")), Cell('{"', ())]
HEAD = {"version": 1, "file": "x@0.json", "text": 'a\n],"b"\ud800', "experiment": {"self": 1}}
DAMAGE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def same(item: dict[str, Any]) -> dict[str, Any]:
    return item


@pytest.mark.parametrize(("cells", "stages"), [(2, 3), (0, 0), (1, 0), (0, 1)])
def test_a_record_is_one_json_object_with_its_digest(
    tmp_path: Path, cells: int, stages: int
) -> None:
    content, path = RecordContent(HEAD, CELLS[:cells], STAGES[:stages]), tmp_path / "record.json"
    content.write(path)
    written = without_digest(json.loads(path.read_bytes()))
    expected = {
        **HEAD,
        "cells": [vars(cell) | {"keys": list(cell.keys)} for cell in CELLS[:cells]],
        "stages": [stage.to_json() for stage in STAGES[:stages]],
    }
    assert written == expected
    assert content.digest == digest_of_object(expected) == written_digest(path)
    assert read_record(path, same, same) == {**expected, DIGEST: content.digest}
    assert read_record(path, None, None)["stages"] == []
    assert len(path.read_bytes().splitlines()) == 3 + cells + stages


def test_a_record_of_an_earlier_layout_is_read(tmp_path: Path) -> None:
    content, path = RecordContent(HEAD, CELLS, STAGES), tmp_path / "record.json"
    content.write(path)
    record = without_digest(json.loads(path.read_bytes()))
    path.write_text(json.dumps(with_digest(record), indent=1, sort_keys=True))
    assert read_record(path, same, Stage.from_json) == {**record, "stages": STAGES}
    assert read_record(path, None, None)["text"] == HEAD["text"]
    assert written_digest(path) == ""


@pytest.mark.parametrize("seed", range(5))
def test_every_damage_of_a_record_is_noticed(tmp_path: Path, seed: int) -> None:
    content, path, draw = (
        RecordContent(HEAD, CELLS, STAGES),
        tmp_path / "r.json",
        random.Random(seed),
    )
    content.write(path)
    whole = path.read_bytes()
    for _ in range(150):
        position = draw.randrange(len(whole))
        flipped = bytes([whole[position] ^ 1 << draw.randrange(7)])
        damages = (
            whole[:position] + flipped + whole[position + 1 :],
            whole[:position],
            whole[:position] + whole[position + 1 :],
            whole + whole[:1],
        )
        path.write_bytes(draw.choice(damages[: 2 if seed else 4]))
        if path.read_bytes().strip() == whole.strip():
            continue
        for stage in (None, Stage.from_json):
            with pytest.raises(DAMAGE):
                read_record(path, same, stage)
        assert written_digest(path) == ""
