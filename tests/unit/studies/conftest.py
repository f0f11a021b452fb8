"""Shared by the tests of studies: the golden texts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts.studies.base import Answer

GOLDEN = Path(__file__).parent / "golden"


def text_of(answer: Answer) -> str:
    """Everything in words: tables by their columns and notes, figures by their titles."""
    lines = [answer.question, "", answer.summary, ""]
    lines += [f"{one.name}: {one.text}" for one in answer.findings]
    lines += ["", *answer.caveats, ""]
    for table in answer.tables:
        lines += [table.title, ", ".join(map(str, table.frame.columns)), *table.notes, ""]
    lines += [f"{one.title} | {one.x} | {one.y}" for one in answer.figures]
    return "\n".join(lines) + "\n"


@pytest.fixture
def golden() -> Callable[[Answer], tuple[str, str]]:
    """An answer → its text and the golden one, which changes with every deliberate rewording."""

    def texts(answer: Answer) -> tuple[str, str]:
        expected = (GOLDEN / f"{answer.study}.txt").read_text(encoding="utf-8")
        return text_of(answer), expected

    return texts
