"""Pages of results: intervals are possible, and the quickstart begins with a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGES = sorted((Path(__file__).parents[2] / "docs" / "results").glob("*.md"))
NUMBER = re.compile(r"[+-]?\d+\.\d+")
CORRELATIONS = {"sick-relatedness"}
"""Targets whose scores are from -100 to 100 points."""
ROUNDING = 0.11


def rows(page: Path) -> Iterator[dict[str, str]]:
    """The rows of all tables with a baseline and an interval, by the first word of the column."""
    names: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            names = []
        elif not names:
            names = [cell.split(",")[0] for cell in cells]
        elif {"baseline", "95 %"} <= set(names):
            yield dict(zip(names, cells, strict=True))


def numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]


def test_rows_are_found_on_pages_with_gains() -> None:
    found = {page.stem for page in PAGES if any(rows(page))}
    assert found >= {
        "quickstart",
        "few-examples",
        "few-examples-more",
        "few-examples-grid",
        "mini-retrieval",
        "studies",
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_intervals_are_possible_from_the_baseline(page: Path) -> None:
    for row in rows(page):
        baselines, ends = numbers(row["baseline"]), numbers(row["95 %"])
        if baselines and ends:
            low, high = ends
            baseline = sum(baselines) / len(baselines)
            least = -100.0 if row.get("target") in CORRELATIONS else 0.0
            assert least - baseline - ROUNDING <= low <= high <= 100 - baseline + ROUNDING, row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_gains_are_differences_of_their_scores(page: Path) -> None:
    for row in rows(page):
        found = [numbers(row[name]) for name in ("baseline", "score", "gain") if name in row]
        if len(found) == 3 and all(map(len, found)):
            (baseline,), (score,), (gain,) = found
            assert gain == pytest.approx(score - baseline, abs=ROUNDING), row


def test_the_quickstart_begins_with_a_finding_and_its_interval() -> None:
    text = next(page for page in PAGES if page.stem == "quickstart").read_text(encoding="utf-8")
    title, first, *_ = text.split("\n\n")
    assert title.startswith("# ")
    assert re.search(r"[+-]?\d+\.\d points \(95 % interval [+-]\d+\.\d to [+-]\d+\.\d", first)
