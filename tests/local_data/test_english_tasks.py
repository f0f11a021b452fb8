"""Real English data: every row is usable, and the counts equal those of the release."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xstilts.formats.classification import TextExample
from xstilts.tasks import TASKS
from xstilts.tasks.validate import validated

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("anli", {"dev": 3_198}),
        ("commonsenseqa", {"train": 9_741, "dev": 1_221}),
        ("conll2000", {"train": 8_936, "test": 2_012}),
        ("cosmosqa", {"dev": 2_985}),
        ("mrpc", {"train": 3_576, "dev": 500, "test": 1_725}),
        ("piqa", {"dev": 1_838}),
        ("rte", {"dev": 1_767, "test": 2_400}),
        ("sick-relatedness", {"train": 4_500, "dev": 500, "test": 4_927}),
        ("sick", {"train": 4_500, "dev": 500, "test": 4_927}),
        ("snli", {"dev": 9_842, "test": 9_824}),
        ("socialiqa", {"dev": 1_954, "test": 2_224}),
        ("squad-v1", {"dev": 9_380}),
        ("squad-v2", {"dev": 10_174}),
        ("xquad", {"dev": 9_380}),
    ],
)
def test_every_row_is_usable(name: str, sizes: dict[str, int]) -> None:
    bound = TASKS.get(name).with_data_dir
    assert bound
    task = bound(DATA)
    for split, size in sizes.items():
        assert str(task.origin(split, "en")[0]).startswith(f"file {DATA}")
        kept, complaints = validated(task.read(split, "en"), task, split, "en")
        assert set(complaints.counts) <= {"duplicate row, kept"}
        assert len(kept) == size
        if task.format == "classification":
            found = {one.label for one in kept if isinstance(one, TextExample)}
            assert found == set(task.labels)


def test_quotes_are_plain_characters() -> None:
    """MRPC's sentences have quotation marks that CSV readers would take for cells."""
    bound = TASKS.get("mrpc").with_data_dir
    assert bound
    task = bound(DATA)
    texts = [one.text for one in task.read("train", "en") if isinstance(one, TextExample)]
    assert any(text.count('"') % 2 for text in texts)
