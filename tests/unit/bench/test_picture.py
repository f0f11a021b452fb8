"""The picture of a report leaves out tables and keeps the charts."""

from __future__ import annotations

import runpy
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).parents[3] / "bench" / "picture.py"


@pytest.fixture(name="picture")
def _picture() -> dict[str, Any]:
    """The module without its package, whose import sets environment variables."""
    return runpy.run_path(str(FILE))


def test_the_style_of_a_picture_is_added_to_the_page_once(picture: dict[str, Any]) -> None:
    page = "<html><head><title>a</title></head><body></head></body></html>"
    changed = picture["charts_alone"](page)
    assert changed.count("<style>") == 1
    assert changed.index("display: none") < changed.index("<body>")


def test_the_names_of_what_is_left_out_are_those_of_the_report(picture: dict[str, Any]) -> None:
    template = resources.files("xstilts.reports") / "templates" / "page.html.j2"
    text = template.read_text(encoding="utf-8")
    for selector, markup in (
        ("#gains", 'id="gains"'),
        ("#languages", 'id="languages"'),
        (".wide", 'class="wide"'),
        ("nav.contents", '<nav class="contents"'),
    ):
        assert selector in picture["CHARTS_ALONE"]
        assert markup in text
