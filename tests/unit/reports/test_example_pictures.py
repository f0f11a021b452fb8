"""Examples of a report have one picture and its own texts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from xstilts.reports.example_pictures import PictureExample, _examples


def run(language: str, pictures: dict[str, str], labels: str = "yes") -> Any:
    """A run on examples, by id → the digest of their picture."""
    rows = {
        name: {
            "text": f"{name} in {language}",
            "label": labels,
            "images": [f"{language}-{name}.png"],
            "image_digests": [digest],
            "image_source": "unknown-task test",
        }
        for name, digest in pictures.items()
    }
    return SimpleNamespace(
        rows=rows,
        predictions=dict.fromkeys(rows, "yes"),
        gold_column="label",
        location={},
        cell=SimpleNamespace(language=language, target="mine", intermediate="none"),
    )


def texts(examples: list[PictureExample]) -> list[list[str]]:
    return [[one.text for one in example.texts] for example in examples]


def test_an_example_is_shown_in_two_languages_if_its_pictures_are_the_same() -> None:
    languages = [[run("de", {"1": "a", "2": "b"})], [run("sw", {"1": "other", "2": "b"})]]
    assert texts(_examples(languages)) == [["2 in de", "2 in sw"]]


def test_languages_with_other_pictures_have_examples_of_their_own() -> None:
    examples = _examples([[run("ta", {"1": "a"})], [run("sw", {"1": "b"})]])
    assert texts(examples) == [["1 in ta"], ["1 in sw"]]
    assert [example.pictures[0].alt for example in examples] == [
        "mine: image ta-1.png",
        "mine: image sw-1.png",
    ]
