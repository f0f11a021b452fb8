"""Equal inputs have equal hashes, whatever their labels, as examples and as prepared rows."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from xstilts.formats import FORMATS
from xstilts.formats.classification import TextExample
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.formats.input_hashes import are_in, input_hashes, row_hashes
from xstilts.formats.regression import ScoredText
from xstilts.formats.tagging import TaggedExample

TEXTS = FORMATS.get("classification")


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("classification", TextExample("1", "a", "x", "b")),
        ("tagging", TaggedExample("1", ("a", "b"), ("O", "O"))),
        ("image_statement", ImageTextExample("1", "a", ("x.png",), "yes")),
    ],
)
def test_rows_have_the_hashes_of_their_examples(name: str, example: Any) -> None:
    spec = FORMATS.get(name)
    listed = {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(example).items()}
    assert row_hashes(spec, [listed]) == input_hashes(spec, [example])


def test_labels_and_ids_do_not_count_and_both_texts_do() -> None:
    rows = [
        TextExample("1", "a", "x", "b"),
        TextExample("2", "a", "y", "b"),
        TextExample("1", "a", "x", "c"),
        TextExample("1", "a", "x"),
        TextExample("1", "a", "x", "None"),
    ]
    first, *others = input_hashes(TEXTS, rows)
    assert [first == other for other in others] == [True, False, False, False]


def test_formats_are_apart() -> None:
    scored = input_hashes(FORMATS.get("regression"), [ScoredText("1", "a", 0.5)])
    assert scored != input_hashes(TEXTS, [TextExample("1", "a", "x")])


def test_images_are_compared_by_their_content() -> None:
    spec = FORMATS.get("image_statement")
    row = {"id": "1", "text": "a", "images": ["x.png"], "label": "yes", "image_source": "s"}
    rows = [
        {**row, "image_digests": ["1"]},
        {**row, "image_digests": ["1"], "images": ["y.png"]},
        {**row, "image_digests": ["2"]},
    ]
    a, same, other = row_hashes(spec, rows)
    assert a == same != other


def test_hashes_are_those_of_every_process() -> None:
    code = (
        "from xstilts.formats import FORMATS\n"
        "from xstilts.formats.classification import TextExample\n"
        "from xstilts.formats.input_hashes import input_hashes\n"
        "print(*input_hashes(FORMATS.get('classification'), [TextExample('1', 'ä', 'x')]))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert int(done.stdout) == input_hashes(TEXTS, [TextExample("1", "ä", "x")])[0]


def test_membership_equals_numpy() -> None:
    generator = np.random.default_rng(0)
    hashes, others = (generator.integers(0, 50, n).astype("<u8") for n in (40, 30))
    expected = np.isin(hashes, others).tolist()
    assert are_in(hashes, np.unique(others)).tolist() == expected
    assert not are_in(hashes, others[:0]).any()
