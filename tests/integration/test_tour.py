"""The tour: it runs from top to bottom, and its stored outputs are those of a run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
TOUR = ROOT / "docs" / "tour.ipynb"
TAG = re.compile(r"<[^>]*>")
NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?")
TRAINED = 10
"""Points by which scores and intervals of another kind of CPU may differ, on which other bits of
the losses lead to other weights."""


def code_cells() -> list[dict[str, Any]]:
    cells = json.loads(TOUR.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def words(outputs: Iterable[dict[str, Any]]) -> str:
    """What a reader sees of the outputs of a cell."""
    parts = []
    for output in outputs:
        data = output.get("data", {"text/plain": output.get("text", "")})
        parts.append(TAG.sub(" ", "".join(data.get("text/html") or data["text/plain"])))
    return " ".join(unescape(" ".join(parts)).split())


@pytest.mark.usefixtures("in_process")
def test_the_stored_outputs_are_those_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.chdir(tmp_path)  # and back, if the run of a cell fails
    from website.notebook_run import run_cells

    for cell, outputs in zip(code_cells(), run_cells(TOUR, tmp_path), strict=True):
        found, stored = words(outputs), words(cell["outputs"])
        if "trained" in cell["metadata"].get("tags", ()):
            numbers = [[float(one) for one in NUMBER.findall(text)] for text in (found, stored)]
            assert numbers[0] == pytest.approx(numbers[1], abs=TRAINED)
            found, stored = (NUMBER.sub("#", text) for text in (found, stored))
        assert found == stored, cell["id"]


def test_the_stored_outputs_tell_nothing_of_the_machine_that_made_them() -> None:
    text = TOUR.read_text(encoding="utf-8")
    assert len(text.encode()) < 50_000
    assert not re.search(r"/(?:tmp|home|root|Users|work)/|[\d.]+ \wB are free", text)
    for cell in code_cells():
        assert cell["outputs"], cell["id"]
        assert cell["metadata"].keys() <= {"tags"}
