"""The HTML report: correct, self-contained, escaped, readable on a phone."""

from __future__ import annotations

import base64
import csv
import hashlib
import html.parser
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import xstilts
from xstilts.analysis.comparison import MEAN, Comparison, ScoreDifference, UnpairedScores
from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.experiment_changes import Change
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import compute_gains
from xstilts.analysis.results import results_frame
from xstilts.api.plan_summary import PlanSummary
from xstilts.config.experiment import Experiment
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.planning.compile import ResultCell
from xstilts.reports.build import write_report
from xstilts.reports.claims import claims_text
from xstilts.reports.comparison_page import comparison_page
from xstilts.reports.html import ReportData
from xstilts.reports.page_script import script_source
from xstilts.reports.study import write_answer
from xstilts.studies import reasoning
from xstilts.testing.planted import Planted, experiment

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
NAMES = (
    "anli-plus", "mnli", "qqp", "squad-v1", "squad-v2", "hellaswag", "ccg", "cosmosqa",
    "commonsenseqa",
)  # fmt: skip
FRAMES = ((1280, "screen"), (390, "screen"), (717, "print"))
"""Widths of a screen, of a phone, and of A4 paper within its margins, in pixels."""
MEASURE = r"""
onload = () => {
  document.title = JSON.stringify([...document.querySelectorAll("iframe")].map((frame) => {
    const page = frame.contentDocument, root = page.documentElement;
    for (const one of page.querySelectorAll("details")) one.open = true;
    let words = 0;
    const broken = [];
    for (const cell of page.querySelectorAll(frame.dataset.cells)) {
      const texts = page.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      while (texts.nextNode()) {
        for (const word of texts.currentNode.data.matchAll(/[^\s\-+>_\/]+/g)) {
          const range = page.createRange();
          range.setStart(texts.currentNode, word.index);
          range.setEnd(texts.currentNode, word.index + word[0].length);
          words += 1;
          if (range.getClientRects().length > 1) broken.push(word[0]);
        }
      }
    }
    const [inner, outer, height] = [root.scrollWidth, root.clientWidth, root.scrollHeight];
    return { inner, outer, height, words, broken };
  }));
};
"""
USE = """
(async () => {
  const table = document.querySelector(".box table");
  const tools = table.closest(".box").previousElementSibling;
  const body = [...table.tBodies[0].rows];
  const seconds = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[2].innerText));
  const orders = [1, 2].map(() => {
    table.tHead.rows[0].cells[2].querySelector("button").click();
    return seconds();
  });
  const field = tools.querySelector("input");
  field.value = "SCORE search";
  field.dispatchEvent(new Event("input"));
  const rows = body.map((row) => [row.textContent, row.getClientRects().length > 0]);
  let saved;
  URL.createObjectURL = (blob) => { saved = blob; return "#"; };
  HTMLAnchorElement.prototype.click = () => {};
  const heat = document.querySelector(".heat").closest(".wide");
  heat.previousElementSibling.querySelector("button").click();
  document.title = JSON.stringify({ orders, rows, csv: await saved.text(), others: window.others });
})();
"""


class Page(html.parser.HTMLParser):
    """Ids, links, sources and text of a page, and tags that were not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if tag == "a" and given.get("href") else []
        loaded = given.get("src") or (given.get("href") if tag == "link" else None)
        self.loads += [loaded] if loaded else []
        if tag not in ("meta", "br", "link", "img", "wbr"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def report_data(
    experiment: Experiment, outlook: PlanSummary, cells: tuple[ResultCell, ...], root: Path
) -> ReportData:
    """The results of a finished store as if they were those of these cells."""
    compiled, store = replace(outlook.compiled, cells=cells), Store(root)
    results = results_frame(cells, store)
    run_gains = compute_gains(results, cells)
    gains = gain_table(results, run_gains, example_scores(cells, store))
    return ReportData(experiment, compiled, outlook.statuses, store, results, run_gains, gains)


@pytest.fixture(scope="module")
def page_file(small: LoadedExperiment, finished: Path) -> Path:
    return xstilts.report(small, finished.parent / "report.html", finished)


@pytest.fixture(scope="module")
def xtreme_facts(small: LoadedExperiment, finished: Path) -> ReportData:
    """The small experiment's results as if its first target were XNLI."""
    outlook = xstilts.plan(small, finished)
    cells = tuple(
        replace(cell, target="xnli") if cell.target == "toy-kind" else cell
        for cell in outlook.compiled.cells
    )
    experiment = small.experiment.model_copy(update={"targets": ("xnli", "toy-search")})
    return report_data(experiment, outlook, cells, finished)


@pytest.fixture(scope="module")
def xtreme_file(xtreme_facts: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(xtreme_facts, "html", tmp_path_factory.mktemp("xtreme") / "report.html")


@pytest.fixture(scope="module")
def names_file(
    small: LoadedExperiment, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The page with ten settings, named as those of Phang et al. (2020)."""
    outlook = xstilts.plan(small, finished)
    cells = outlook.compiled.cells
    trained = [cell for cell in cells if cell.intermediate == "toy-same"]
    cells = (
        *(cell for cell in cells if cell.intermediate == "none"),
        *(replace(cell, intermediate=name) for name in NAMES for cell in trained),
    )
    data = report_data(small.experiment, outlook, cells, finished)
    return write_report(data, "html", tmp_path_factory.mktemp("names") / "report.html")


@pytest.fixture(scope="module")
def study_file(
    small: LoadedExperiment, finished: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The page with a study that has long names, figures and wide tables."""
    folder = tmp_path_factory.mktemp("study")
    shutil.copytree(finished, folder / "store")
    settings = ("none", "piqa", "winogrande", "commonsenseqa", "mnli", "conll2000", "squad-v1")
    planted = Planted(
        experiment(settings, ("xcopa", "mgsm-choice", "xnli", "pan-x", "paws-x", "tydiqa")),
        lambda setting, target: 0.05 * (setting in ("piqa", "winogrande")),
    ).evidence()
    evidence = replace(planted, loaded=small, store=Store(folder / "store"))
    write_answer(reasoning.STUDY.answer(planted), evidence)
    return xstilts.report(small, folder / "report.html", folder / "store")


def visible_text(page_file: Path) -> str:
    return " ".join("".join(Page(page_file.read_text(encoding="utf-8")).text).split())


def test_every_number_links_to_its_artifact(page_file: Path, finished: Path) -> None:
    page = Page(page_file.read_text(encoding="utf-8"))
    assert page.open == []
    inner = [link[1:] for link in page.links if link.startswith("#")]
    assert inner
    assert set(inner) <= set(page.ids)
    outer = {link for link in page.links if not link.startswith("#")}
    assert all((page_file.parent / link).is_dir() for link in outer)
    assert {Path(link).name for link in outer} == set(Store(finished).keys())


def test_the_report_needs_no_network_and_has_one_script(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    page = Page(text)
    assert page.loads == []
    assert re.findall("<script[^>]*>", text) == ["<script>"]
    assert f"script-src {script_source()}" in text
    assert "@import" not in text
    assert set(re.findall(r"https?://[^\s\"'<)]+", text)) <= {
        "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink",
    }  # fmt: skip


def test_the_report_shows_gains_languages_and_how_to_reproduce(
    small: LoadedExperiment, finished: Path, page_file: Path
) -> None:
    text = visible_text(page_file)
    gain = xstilts.gains(small, finished).iloc[0]["gain"]
    assert f"{100 * gain:+.1f}".replace("+0.0", "0.0") in text
    parts = ("toy-same", "English", "xstilts run small.yaml", "torch 2", "toy-search")
    for part in (*parts, "dev score (points)", "selected on"):
        assert part in text


def test_the_contents_have_the_sections_in_the_order_of_the_page(
    page_file: Path, study_file: Path
) -> None:
    for file in (page_file, study_file):
        text = file.read_text(encoding="utf-8")
        listed = re.findall('href="#([^"]+)"', text.partition("</nav>")[0].partition("<nav")[2])
        assert listed == re.findall('<section id="([^"]+)"', text)
        assert listed[-2:] == ["cost", "sources"]
        assert listed.index("languages") < listed.index("plan") < listed.index("cost")


def test_the_xtreme_table_lists_missing_tasks(
    xtreme_facts: ReportData, xtreme_file: Path, page_file: Path, tmp_path: Path
) -> None:
    table = xtreme_facts.sections[0].table.set_index("intermediate")
    means = xtreme_facts.results.query("target == 'xnli' and language == 'en'")
    scores = means.set_index("intermediate")["value"]
    assert table.loc["toy-same", "xnli"] == f"{100 * scores['toy-same']:.1f}†"
    best = next(one.intermediate for one in xtreme_facts.selected if one.target == "xnli")
    text = visible_text(xtreme_file)
    assert f"best per target{100 * scores[best]:.1f}†–" in text
    assert "missing: xnli (ar bg de el es fr hi ru and 6 more)" in text
    assert "not in the experiment: paws-x" in text
    text = write_report(xtreme_facts, "md", tmp_path / "r.md").read_text(encoding="utf-8")
    assert "| best per target | " in text
    assert "XTREME" not in visible_text(page_file)


def test_the_report_includes_studies_with_figures_and_tables(study_file: Path) -> None:
    page = Page(study_file.read_text(encoding="utf-8"))
    assert page.open == []
    assert page.ids.count("study-reasoning") == 1
    text = visible_text(study_file)
    for words in (
        "Study: reasoning",
        "English reasoning tasks",
        "Gain of every task on every target",
        "not about language",
        "Outdated",
    ):
        assert words in text


def test_every_drawing_has_a_title_or_is_hidden_from_readers(study_file: Path) -> None:
    drawings = re.findall("(<svg[^>]*>)([^<]*<[^>]*>)", study_file.read_text(encoding="utf-8"))
    assert len(drawings) > 10
    for head, first in drawings:
        hidden = 'aria-hidden="true"' in head
        assert hidden or ('role="img"' in head and first == "<title>"), head


def test_equal_results_give_an_identical_report(
    small: LoadedExperiment, finished: Path, page_file: Path
) -> None:
    again = xstilts.report(small, page_file.with_name("again.html"), finished)
    assert again.read_bytes() == page_file.read_bytes()


def test_user_given_names_are_escaped(toy_file: Path, finished: Path, tmp_path: Path) -> None:
    loaded = xstilts.load(
        str(toy_file),
        ["name=small", "seeds=[0]", "intermediate=[none, toy-same]",
         "targets=[toy-kind, toy-search]", 'description="<script>alert(1)</script>"'],
    )  # fmt: skip
    text = xstilts.report(loaded, tmp_path / "r.html", finished).read_text(encoding="utf-8")
    assert text.count("<script") == 1
    assert "&lt;script&gt;" in text


def test_a_report_without_results_says_so(small: LoadedExperiment, tmp_path: Path) -> None:
    text = xstilts.report(small, tmp_path / "r.html", tmp_path / "store").read_text(
        encoding="utf-8"
    )
    assert "No scores yet" in text


@pytest.fixture(scope="session")
def claims_file(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of claims, judged on the small experiment."""
    path = tmp_path_factory.mktemp("claims") / "claims.html"
    path.write_text(
        claims_text(xstilts.claims(finished), "html", Store(finished)), encoding="utf-8"
    )
    return path


@pytest.fixture(scope="session")
def comparison_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of two experiments with many differences, long names and many languages."""
    changes = [
        Change(f"recipes.tasks.{name}.contrastive_temperature", "FacebookAI/xlm-roberta-base", text)
        for name, text in (
            ("commonsenseqa", "cardiffnlp/twitter-xlm-roberta-base-sentiment"),
            ("glue-rte", "intermediate: anli-plus+commonsenseqa > hellaswag"),
            ("xquad", "3fd7d3e0b8a2e1cf4d7a8a0b9f36c2c1b2a4e7d5"),
        )
    ]
    setting = "commonsenseqa+hellaswag > anli-plus-shuffled-labels"
    group = "org/encoder-with-a-long-name", "paws-x-translated", "accuracy", setting
    scores = [
        ScoreDifference(
            *group, code, 0.7, 0.72, 0.02, -0.1, 0.14, 19_000, 21_000, 22_000, 3, 3, 14, 0.2, 0.4
        )
        for code in (MEAN, "en", "ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "th", "zh")
    ]
    name = "experiment-with-commonsenseqa-and-hellaswag"
    unpaired = UnpairedScores(*group[:2], setting, "sw", f"only in {name}")
    comparison = Comparison(name, f"{name}-again", tuple(changes), tuple(scores), (unpaired,))
    path = tmp_path_factory.mktemp("comparison") / "comparison.html"
    path.write_text(comparison_page(comparison), encoding="utf-8")
    return path


def browse(page: Path, *flags: str) -> str:
    """What Chromium prints about a page, from a profile of its own."""
    assert CHROMIUM
    profile = f"--user-data-dir={page.parent / 'profile'}"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, profile, *flags, page.as_uri()],
        capture_output=True, text=True, timeout=90, check=True,
    )  # fmt: skip
    return done.stdout


def title_of(page: Path) -> Any:
    """The title that a script gives a page, as JSON."""
    text = browse(page, "--window-size=1400,900", "--virtual-time-budget=5000", "--dump-dom")
    (title,) = re.findall(r"<title>([\[{].*?)</title>", text)
    return json.loads(html.unescape(title))


def frame(text: str, width: int, medium: str) -> str:
    """The page in a frame, as a window cannot be as narrow as a phone."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    text = text.replace("@media print", "@media all") if medium == "print" else text
    cells = "th" if medium == "print" else "th, .wraps td, .forest .name, .legend li"
    return (
        f'<iframe style="width:{width}px;height:800px;border:0" data-cells="{cells}" '
        f'srcdoc="{html.escape(text)}"></iframe>'
    )


@pytest.mark.parametrize("which", ["page_file", "study_file", "claims_file", "comparison_file"])
def test_what_scrolls_can_be_reached_by_keys_and_has_a_name(
    which: str, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(which).read_text(encoding="utf-8")
    boxes = re.findall(r'<(?:\w+ class="(?:wide|box)|pre)"?[^>]*>', text)
    reached = r'tabindex="0" role="region" aria-label="([^"]+)">$'
    names = [found[1] if (found := re.search(reached, box)) else box for box in boxes]
    assert names
    assert not [name for name in names if name.startswith("<")]
    assert len(set(names)) == len(names)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize(
    "which",
    ["page_file", "xtreme_file", "study_file", "names_file", "claims_file", "comparison_file"],
)
def test_the_page_fits_screens_and_paper_and_breaks_no_word(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    text = request.getfixturevalue(which).read_text(encoding="utf-8")
    probe = tmp_path / "probe.html"
    frames = "".join(frame(text, width, medium) for width, medium in FRAMES)
    probe.write_text(f"{frames}<script>{MEASURE}</script>", encoding="utf-8")
    for (width, medium), found in zip(FRAMES, title_of(probe), strict=True):
        assert found["outer"] == width
        assert found["inner"] <= width, medium
        assert found["height"] > 1000
        assert found["words"] > 10
        assert found["broken"] == [], (width, medium)


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_tables_are_sorted_filtered_and_saved_under_the_policy_of_the_page(
    names_file: Path, tmp_path: Path
) -> None:
    """A second script is allowed by its digest; a third is not, and does not run."""
    digest = base64.b64encode(hashlib.sha256(USE.encode()).digest()).decode()
    text = names_file.read_text(encoding="utf-8")
    text = text.replace(script_source(), f"{script_source()} 'sha256-{digest}'", 1)
    scripts = f"<script>window.others = true;</script><script>{USE}</script>"
    used = tmp_path / "used.html"
    used.write_text(text.replace("</body>", f"{scripts}</body>"), encoding="utf-8")
    found = title_of(used)
    down, up = found["orders"]
    assert down == sorted(down, reverse=True)
    assert up == sorted(down)
    assert len(set(down)) > 1
    shown = {row for row, is_shown in found["rows"] if is_shown}
    rows = {row for row, _ in found["rows"]}
    assert shown == {row for row in rows if "score" in row and "search" in row}
    assert 0 < len(shown) < len(rows)
    first, *lines = csv.reader(io.StringIO(found["csv"]))
    assert first == ["language", "none", *NAMES]
    assert {len(line) for line in lines} == {len(first)}
    assert "others" not in found


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize(
    ("flags", "ground"),
    [((), (255, 255, 255)), (("--blink-settings=preferredColorScheme=0",), (20, 23, 28))],
    ids=["light", "dark"],
)
def test_a_screenshot_is_not_blank(
    flags: tuple[str, ...], ground: tuple[int, int, int], page_file: Path, tmp_path: Path
) -> None:
    from PIL import Image

    page = tmp_path / "page.html"
    shutil.copy(page_file, page)
    picture = tmp_path / "page.png"
    browse(page, "--window-size=1280,2000", *flags, f"--screenshot={picture}")
    colours = Image.open(picture).convert("RGB").getcolors(1 << 24)
    assert colours
    assert max(colours)[1] == ground
    assert len(colours) > 50
