"""The search of translations tells which sentences have none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xstilts.core.stage import Stage
from xstilts.stages import search
from xstilts.stages.base import StageContext
from xstilts.stages.io.retrieval_sides import RetrievalSide


def side(meanings: str) -> RetrievalSide:
    texts = [f"{meaning} {len(meanings)}" for meaning in meanings]
    vectors = np.eye(4, dtype=np.float32)[: len(texts)]
    return RetrievalSide(list(texts), texts, list(meanings), vectors)


@pytest.mark.parametrize(("english", "unanswered"), [("abc", 0), ("abd", 2), ("ab", 1)])
def test_sentences_without_a_counterpart_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, english: str, unanswered: int
) -> None:
    sides = {"here": side("abc"), "english": side(english)}
    monkeypatch.setattr(search, "read_side", lambda _, name: sides[name])
    context = StageContext(Stage("search", 2, {}, {}), {}, tmp_path, tmp_path, lambda _: None)
    search.run(context)
    assert context.feature_problems[search.WITHOUT_COUNTERPART] == unanswered
