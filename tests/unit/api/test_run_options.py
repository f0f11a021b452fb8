"""Options of runs, as verbs take them."""

from __future__ import annotations

from dataclasses import fields
from typing import get_type_hints

import pytest

import xstilts
from xstilts.api.run_options import RunKeywords, RunOptions


def test_every_option_of_a_run_is_a_keyword_of_studies_and_recommendations() -> None:
    assert set(get_type_hints(RunKeywords)) == {field.name for field in fields(RunOptions)}


def test_an_unknown_option_of_a_study_is_an_error_before_anything_runs(toy_file: object) -> None:
    with pytest.raises(TypeError, match="wokers"):
        xstilts.study("reasoning", str(toy_file), wokers=1)  # type: ignore[call-arg]
