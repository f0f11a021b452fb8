"""Ways to damage a file of a store, as a disk, a crash or a person does."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, Path | None, random.Random], bool]
"""Damages a file: (file, another file of its name or none, random draws) → whether it differs."""
JSON_VALUES = (b"null", b"[]", b"{}", b'"text"', b"3")


def _replaced(change: Callable[[bytes, random.Random], bytes]) -> Damage:
    """The damage that replaces a file's bytes."""

    def damage(path: Path, _: Path | None, draw: random.Random) -> bool:
        before = path.read_bytes()
        after = change(before, draw)
        path.write_bytes(after)
        return after != before

    return damage


def flip_a_bit(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one bit flipped anywhere."""
    return _with_bit_flipped(data or b"\0", draw.randrange(8 * max(1, len(data))))


def flip_a_digit(data: bytes, draw: random.Random) -> bytes:
    """The bytes with the lowest bit of one ASCII digit flipped: a number becomes another one.

    JSON stays valid.
    """
    digits = [position for position, byte in enumerate(data) if 48 <= byte <= 57]
    return _with_bit_flipped(data, 8 * draw.choice(digits)) if digits else flip_a_bit(data, draw)


def flip_in_the_middle(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one bit flipped in the middle third, where the payload of a file is."""
    third = len(data) // 3
    return _with_bit_flipped(data or b"\0", 8 * (third + draw.randrange(max(1, third))))


def _with_bit_flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _remove(path: Path, _other: Path | None, _draw: random.Random) -> bool:
    path.unlink()
    return True


def _swap(path: Path, other: Path | None, _draw: random.Random) -> bool:
    """Replace the file by another one of its name."""
    if other is None or other.read_bytes() == path.read_bytes():
        return False
    shutil.copyfile(other, path)
    return True


def _make_folder(path: Path, _other: Path | None, _draw: random.Random) -> bool:
    path.unlink()
    path.mkdir()
    return True


def _make_unreadable(path: Path, _other: Path | None, _draw: random.Random) -> bool:
    """Replace the file by a link to itself, which no user can open, root included."""
    path.unlink()
    path.symlink_to(path.name)
    return True


DAMAGES: dict[str, Damage] = {
    "missing": _remove,
    "empty": _replaced(lambda _data, _draw: b""),
    "cut in half": _replaced(lambda data, _draw: data[: len(data) // 2]),
    "one bit flipped": _replaced(flip_a_bit),
    "one digit changed": _replaced(flip_a_digit),
    "bit in the middle": _replaced(flip_in_the_middle),
    "garbage": _replaced(lambda data, draw: draw.randbytes(len(data))),
    "other JSON": _replaced(lambda _data, draw: draw.choice(JSON_VALUES)),
    "swapped": _swap,
    "a folder": _make_folder,
    "unreadable": _make_unreadable,
}
