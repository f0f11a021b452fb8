"""Damaged files of every kind: bad rows with counts or an error in words, never a traceback."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xstilts.config.file_task import FileTask
from xstilts.core.errors import XstiltsError
from xstilts.tasks.io.conll import read_tagged
from xstilts.tasks.io.xtreme_pairs import read_pairs
from xstilts.tasks.user_tasks import file_task
from xstilts.tasks.validate import filter_rows

TRIES = 150
BYTES = (b"\t", b"\n", b"\r", b'"', b"{", b"[", b"\\u", b"\xff", b"\0", b"#", b"1", b",", b"null")
NOISE = '\t\n\r"{}[]:,#1ab \u200b\u00a0\ufeff\0'
ODD_VALUES = (None, True, float("nan"), 1e400, [], {}, "", "\ud800", 12, [[]], "false", -1)

TSV = b"".join(b"text %d\t%s\n" % (n, b"ab"[n % 2 : n % 2 + 1]) for n in range(30))
CONLLU = b"".join(
    b"# sent_id = s%d\n1\tthe\t_\tDET%s\n2\tdog\t_\tNOUN%s\n\n" % (n, b"\t_" * 6, b"\t_" * 6)
    for n in range(15)
)
ROWS = [
    {"id": f"r{n}", "text": f"text {n}", "text_pair": "p", "label": "ab"[n % 2]} for n in range(30)
]
QUESTION = {"id": "q", "question": "what?", "answers": [{"text": "cat", "answer_start": 2}]}
SQUAD = {
    "data": [
        {"paragraphs": [{"context": "a cat", "qas": [{**QUESTION, "id": f"q{n}"}]}]}
        for n in range(20)
    ]
}


def damaged(data: bytes, draw: random.Random) -> bytes:
    """The bytes with one to four changes: cut, flipped, inserted, repeated or removed parts."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(changed) + 1)
        match draw.randrange(5):
            case 0:
                del changed[place:]
            case 1 if place < len(changed):
                changed[place] ^= 1 << draw.randrange(8)
            case 2:
                changed[place:place] = draw.choice(BYTES)
            case 3:
                changed[place:place] = changed[place : place + draw.randrange(200)]
            case _:
                del changed[place : place + draw.randrange(200)]
    return bytes(changed)


def noise(_data: bytes, draw: random.Random) -> bytes:
    return bytes(
        draw.choice(b'\t\n\r"{}[]:,#1ab \xe2\x80\x8b\xff\0') for _ in range(draw.randrange(300))
    )


def odd_cells(data: bytes, draw: random.Random) -> bytes:
    """JSON in which one or two members have a value of another type, or are not there."""
    lines = data.decode().splitlines()
    place = draw.randrange(len(lines))
    tree = json.loads(lines[place])
    for _ in range(draw.randint(1, 2)):
        item = tree
        while True:
            keys = list(item) if isinstance(item, dict) else list(range(len(item)))
            if not keys:
                break
            key = draw.choice(keys)
            if isinstance(item[key], dict | list) and item[key] and draw.random() < 0.8:
                item = item[key]
                continue
            if draw.random() < 0.2:
                del item[key]
            else:
                item[key] = draw.choice(ODD_VALUES)
            break
    return "\n".join([*lines[:place], json.dumps(tree), *lines[place + 1 :]]).encode()


def rows_of_lines(data: bytes) -> int:
    """Lines that are rows: all but those with nothing in them but spaces."""
    return sum(
        bool(line.removesuffix("\r").strip(" ")) for line in data.decode("utf-8-sig").split("\n")
    )


def lines_to_the_last_row(data: bytes) -> int:
    """All lines but those with nothing in them but spaces at the end."""
    found = [line.removesuffix("\r").strip(" ") for line in data.decode("utf-8-sig").split("\n")]
    return max((number for number, line in enumerate(found, start=1) if line), default=0)


def unknown(_data: bytes) -> None:
    """For files in which what a row is depends on the rows."""


SUFFIXES: dict[str, tuple[bytes, dict[str, object], Callable[[bytes], int | None]]] = {
    "tsv": (TSV, {"columns": ("text", "label")}, rows_of_lines),
    "csv": (TSV.replace(b"\t", b","), {"columns": ("text", "label")}, unknown),
    "jsonl": ("\n".join(map(json.dumps, ROWS)).encode(), {}, unknown),
    "conllu": (CONLLU, {"format": "tagging", "labels": ("DET", "NOUN")}, unknown),
    "json": (json.dumps(SQUAD).encode(), {"format": "span", "labels": ()}, unknown),
    "txt": (b"one line\ntwo lines\n" * 10, {"format": "masked_lm", "labels": ()}, unknown),
}
DAMAGES = [
    (ending, damage)
    for ending in SUFFIXES
    for damage in (damaged, noise, odd_cells)
    if damage is not odd_cells or ending in ("jsonl", "json")
]


@contextmanager
def refusals(found: list[str]) -> Iterator[None]:
    """Collects errors in words; any other error fails the test."""
    try:
        yield
    except XstiltsError as error:
        found.append(str(error))


@pytest.mark.parametrize(("ending", "damage"), DAMAGES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_damaged_file_gives_counted_rows_or_an_error_in_words(
    tmp_path: Path, ending: str, damage: Callable[[bytes, random.Random], bytes], split: str
) -> None:
    data, changes, count_rows = SUFFIXES[ending]
    settings = {
        "format": "classification",
        "files": f"{{split}}.{ending}",
        "splits": {"train": ("en",), "test": ("en",)},
        "labels": ("a", "b"),
    }
    task = file_task("mine", FileTask.model_validate(settings | changes), tmp_path)
    refused: list[str] = []
    read = 0
    for number in range(TRIES):
        draw = random.Random(f"{ending} {damage.__name__} {split} {number}")
        content = damage(data, draw)
        (tmp_path / f"{split}.{ending}").write_bytes(content)
        with refusals(refused):
            kept, problems, total = filter_rows(task.read(split, "en"), task, split)
            header = problems.left_out.get("header line, left out", 0)
            assert len(kept) + sum(problems.left_out.values()) == total + header, number
            assert count_rows(content) in (None, total + header), number
            read += total > 0
            "".join(problems.first).encode()
    "".join(refused).encode()  # every message can be printed
    assert read + len(refused) > 0
    assert read > 0 or damage is noise  # random bytes may have no row


@pytest.mark.parametrize("damage", [damaged, noise])
def test_damaged_files_of_xtreme_give_bad_rows_or_an_error_in_words(
    tmp_path: Path, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    path = tmp_path / "x.tsv"
    refused: list[str] = []
    for number in range(TRIES):
        draw = random.Random(f"xtreme {damage.__name__} {number}")
        path.write_bytes(damage(TSV, draw))
        with refusals(refused):
            assert len(list(read_pairs(path, "x"))) == lines_to_the_last_row(path.read_bytes())
            list(read_tagged((1, 2))(path, "x"))
    assert len(refused) < TRIES
