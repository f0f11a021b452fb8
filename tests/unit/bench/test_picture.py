"""The picture of a report leaves out tables and keeps the charts."""

from __future__ import annotations

from importlib import resources

from bench.picture import CHARTS_ALONE, charts_alone


def test_the_style_of_a_picture_is_added_to_the_page_once() -> None:
    page = "<html><head><title>a</title></head><body></head></body></html>"
    changed = charts_alone(page)
    assert changed.count("display: none") == 1
    assert changed.index("display: none") < changed.index("<body>")


def test_the_names_of_what_is_left_out_are_those_of_the_report() -> None:
    template = resources.files("xstilts.reports") / "templates" / "page.html.j2"
    text = template.read_text(encoding="utf-8")
    for selector, markup in (
        ("#gains", 'id="gains"'),
        (".wide", 'class="wide"'),
        ("nav.contents", '<nav class="contents"'),
    ):
        assert selector in CHARTS_ALONE
        assert markup in text
