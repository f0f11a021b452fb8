"""Real data of targets beyond XTREME: counts equal the releases', parallel sets are parallel."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from xstilts.formats.base import Example
from xstilts.formats.classification import TextExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.spec import labels_are_blank
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import validated

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


def task(name: str) -> TaskSpec:
    made = TASKS.get(name).with_data_dir
    assert made
    return made(DATA)


def rows(name: str, split: str, language: str) -> tuple[list[Example], Counter[str]]:
    made = task(name)
    kept, complaints = validated(made.read(split, language), made, split, language)
    return kept, complaints.counts


def labels(examples: list[Example]) -> dict[str, str]:
    return {one.id: one.label for one in examples if isinstance(one, ChoiceExample | TextExample)}


@pytest.mark.parametrize("name", ["copa", "mgsm-choice", "sib200", "xcopa", "xvnli", "xwinograd"])
def test_every_row_is_usable(name: str) -> None:
    """All that the task says it has; in XVNLI some pairs have no gold label."""
    made = task(name)
    for (split, language), size in made.sizes.items():
        kept, counts = rows(name, split, language)
        without_gold = counts.pop("no gold label: the annotators disagreed", 0)
        assert set(counts) <= {"duplicate row, kept"}
        assert len(kept) == size
        assert without_gold == (14 if name == "xvnli" else 0)
        assert set(labels(kept).values()) <= set(made.labels)
        blank = labels_are_blank(labels(kept).values())
        assert blank == ((name, split) == ("copa", "test"))  # XTREME's dummies


@pytest.mark.parametrize(
    ("name", "languages"),
    [
        ("mgsm-choice", ("bn", "en", "ja", "te")),
        ("sib200", ("en", "fi", "yo")),
        ("xcopa", ("et", "qu", "th")),
        ("xvnli", ("ar", "en", "ru")),
    ],
)
def test_parallel_sets_share_ids_labels_and_order(name: str, languages: tuple[str, ...]) -> None:
    first, *others = (labels(rows(name, "test", code)[0]) for code in languages)
    assert all(list(other.items()) == list(first.items()) for other in others)


def test_xwinograd_languages_share_no_ids() -> None:
    found = [labels(rows("xwinograd", "test", code)[0]) for code in ("fr", "ja", "pt", "ru")]
    assert len({name for one in found for name in one}) == sum(map(len, found))


def test_xvnli_is_a_part_of_the_test_set_of_snli() -> None:
    """So it has nothing of what SNLI trains and tunes on."""

    def letters(text: str) -> str:
        return "".join(filter(str.isalnum, text)).lower()

    def pairs(name: str, split: str) -> set[tuple[str, str]]:
        found = rows(name, split, "en")[0]
        texts = [one for one in found if isinstance(one, TextExample)]
        return {(letters(one.text), letters(one.text_pair or "")) for one in texts}

    assert pairs("xvnli", "test") <= pairs("snli", "test")
    assert not pairs("xvnli", "test") & pairs("snli", "dev")
