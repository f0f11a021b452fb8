"""XQuAD-R's real files: the published numbers of questions, candidates and right answers."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from xstilts.tasks import TASKS
from xstilts.tasks.row_filter import DUPLICATE
from xstilts.tasks.validate import validated

DATA = (
    Path(os.environ.get("XSTILTS_TEST_DATA") or Path(__file__).parents[3] / "shared")
    / "data"
    / "xtreme"
)
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="no data: set XSTILTS_TEST_DATA")


def test_every_question_has_a_right_answer_in_each_of_the_eleven_languages() -> None:
    task = TASKS.get("lareqa-xquad-r")
    assert task.with_data_dir
    task = task.with_data_dir(DATA)
    questions, answers, groups = Counter[str](), Counter[str](), dict[str, str]()
    candidates, duplicates = 0, 0
    for language in task.languages:
        kept, problems = validated(task.read("test", language), task, "test", language)
        assert (len(kept), problems.counts) == (1190, {})
        for one in kept:
            questions[one.id] += 1
            assert groups.setdefault(one.id, one.group) == one.group  # parallel slices
    for part in task.pool_parts:
        kept, problems = validated(task.read("test", part), task, "test", part)
        assert len(kept) == task.sizes["test", part]
        assert set(problems.counts) <= {DUPLICATE}
        duplicates += sum(problems.counts.values())
        candidates += len(kept)
        for one in kept:
            answers.update(one.keys)
            assert all(groups[key] == one.group for key in one.keys)
    assert (questions.total(), candidates, duplicates) == (13_090, 13_014, 1)
    assert set(questions.values()) == {11}
    assert questions.keys() == answers.keys()
    assert set(answers.values()) == {11}
