"""The random numbers of encoders that are compared."""

from __future__ import annotations

from pathlib import Path

import xstilts
from xstilts.analysis.encoders_compared import random_streams


def streams(file: Path, encoders: str) -> list[str]:
    return list(random_streams(xstilts.load(file, [f"encoders={encoders}"])).values())


def test_a_label_changes_no_random_numbers(toy_file: Path) -> None:
    plain = streams(toy_file, "[./encoder, e5-small-packaged]")
    labelled = "[{name: ./encoder, label: z}, {name: e5-small-packaged, label: a}]"
    assert plain == ["encoder", "e5-small-packaged"]
    assert streams(toy_file, labelled) == plain


def test_one_encoder_with_two_recipes_has_two_series_of_random_numbers(toy_file: Path) -> None:
    text = (
        "[{{name: ./encoder, label: {}}}, "
        "{{name: ./encoder, label: {}, recipe: {{learning_rate: 0.5}}}}]"
    )
    first, second = streams(toy_file, text.format("a", "b"))
    assert first != second
    assert streams(toy_file, text.format("c", "d")) == [first, second]
