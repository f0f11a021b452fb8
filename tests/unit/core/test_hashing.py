"""Digests of JSON objects in themselves."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import pytest

from xstilts.core.hashing import DIGEST, with_digest, without_digest

VALUES: tuple[Any, ...] = (
    {"b": 1, "a": [1.0, -0.0, 1e-7, 3e17, 12345678901234567890]},
    {"text": 'é "quoted" \\ \n \x7f \u2028 \ud800'},
    {"none": None, "nan": math.nan, "infinite": -math.inf, "yes": True},
    {"z": {"b": {}, "a": []}, "a": ""},
    {},
)


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_an_object_is_read_as_it_was_written(value: dict[str, Any]) -> None:
    written = with_digest(value)
    for names in (sorted(written), sorted(written, reverse=True)):
        read = without_digest({name: written[name] for name in names})
        assert json.dumps(read, sort_keys=True) == json.dumps(value, sort_keys=True)


@pytest.mark.parametrize("value", VALUES[:4], ids=range(4))
def test_every_change_of_a_written_object_is_noticed(value: dict[str, Any]) -> None:
    text, draw = json.dumps(with_digest(value), sort_keys=True), random.Random(0)
    read = json.loads(text)
    changes = 0
    for _ in range(300):
        data = bytearray(text.encode())
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(7)
        try:
            changed = json.loads(data)
        except ValueError:
            continue
        if isinstance(changed, dict) and DIGEST in changed and repr(changed) != repr(read):
            changes += 1
            with pytest.raises(ValueError, match="differs"):
                without_digest(changed)
    assert changes > 10
