"""Pins: stages that are kept, and what a pin that cannot be read means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts.core.pins import Pins

KEYS = [digit * 64 for digit in "abc"]


def test_a_pin_is_read_by_another_process_as_it_was_written(tmp_path: Path) -> None:
    written = Pins(tmp_path).add("toy", [KEYS[1], KEYS[0], KEYS[1]], "for the paper")
    read = Pins(tmp_path)
    assert read.all == (written,)
    assert written.keys == (KEYS[0], KEYS[1])
    assert written.note == "for the paper"
    assert [read.is_pinned(key) for key in KEYS] == [True, True, False]


def test_a_second_pin_of_a_name_replaces_the_first(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    pins.add("toy", KEYS[:1])
    pins.add("toy", KEYS[1:2])
    pins.add("other", KEYS[2:])
    assert [pin.name for pin in pins.all] == ["other", "toy"]
    assert pins.keys == set(KEYS[1:])


def test_an_unpinned_stage_is_kept_only_by_its_other_pins(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    pins.add("toy", KEYS[:2])
    pins.add("other", KEYS[1:])
    assert pins.remove("toy")
    assert not pins.remove("toy")
    assert [Pins(tmp_path).is_pinned(key) for key in KEYS] == [False, True, True]


def test_a_store_without_pins_pins_nothing(tmp_path: Path) -> None:
    pins = Pins(tmp_path / "absent")
    assert not pins.is_pinned(KEYS[0])
    assert not pins.remove("toy")


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"aaaa", b"aaab"),
        lambda data: b'{"name": "toy", "keys": ["../x"]}',
        lambda data: b'{"name": 1, "keys": []}',
        lambda data: b'{"name": "toy", "keys": 1}',
        lambda data: b"[" * 100_000,
    ],
)
def test_a_damaged_pin_keeps_every_stage(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    pins = Pins(tmp_path)
    pins.add("toy", KEYS[:1])
    (path,) = (tmp_path / "pins").iterdir()
    path.write_bytes(change(path.read_bytes()))
    read = Pins(tmp_path)
    assert list(read.damaged) == [path.name]
    assert all(read.is_pinned(key) for key in KEYS)


def test_a_foreign_file_among_the_pins_is_no_pin(tmp_path: Path) -> None:
    Pins(tmp_path).add("toy", KEYS[:1])
    (tmp_path / "pins" / "notes.txt").write_text("mine")
    assert not Pins(tmp_path).damaged


def test_a_pin_under_the_name_of_another_keeps_everything(tmp_path: Path) -> None:
    pins = Pins(tmp_path)
    for name, key in zip(("toy", "other"), KEYS, strict=False):
        pins.add(name, [key])
    first, second = sorted(pins.folder.iterdir())
    first.write_bytes(second.read_bytes())
    assert list(Pins(tmp_path).damaged) == [first.name]
    assert Pins(tmp_path).is_pinned(KEYS[2])
