"""What is shown with the label of a stage does not repeat it."""

from __future__ import annotations

from pathlib import Path

import xstilts.stages

FOLDER = Path(xstilts.stages.__file__).parent


def test_no_error_of_a_stage_begins_with_its_label() -> None:
    """`run`, `status` and reports print it before the error."""
    repeating = [
        path.name for path in FOLDER.rglob("*.py") if '"{context.stage.label}: ' in path.read_text()
    ]
    assert repeating == []
