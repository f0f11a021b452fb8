"""The HTML report: correct, self-contained, escaped, readable on a phone."""

from __future__ import annotations

import html.parser
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import xstilts
from xstilts.analysis.example_scores import example_scores
from xstilts.analysis.gain_table import gain_table
from xstilts.analysis.gains import compute_gains
from xstilts.analysis.results import results_frame
from xstilts.config.load import LoadedExperiment
from xstilts.core.store import Store
from xstilts.reports.build import write_report
from xstilts.reports.claims import claims_text
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
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text.append(data)


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
    compiled, store = replace(outlook.compiled, cells=cells), Store(finished)
    results = results_frame(cells, store)
    run_gains = compute_gains(results, cells)
    gains = gain_table(results, run_gains, example_scores(cells, store))
    experiment = small.experiment.model_copy(update={"targets": ("xnli", "toy-search")})
    return ReportData(experiment, compiled, outlook.statuses, store, results, run_gains, gains)


@pytest.fixture(scope="module")
def xtreme_file(xtreme_facts: ReportData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(xtreme_facts, "html", tmp_path_factory.mktemp("xtreme") / "report.html")


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


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["page_file", "xtreme_file", "study_file", "claims_file"])
def test_the_report_does_not_scroll_sideways_in_a_browser(
    which: str, tmp_path: Path, width: int, request: pytest.FixtureRequest
) -> None:
    """The page in a frame of that width (a window cannot be as narrow as a phone) is measured."""
    probe = tmp_path / "probe.html"
    text = request.getfixturevalue(which).read_text(encoding="utf-8")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    escaped = text.replace("&", "&amp;").replace('"', "&quot;")
    probe.write_text(
        f'<iframe id="f" style="width:{width}px;height:800px;border:0" srcdoc="{escaped}"></iframe>'
        "<script>f.onload = () => { const d = f.contentDocument.documentElement;"
        "document.title = [d.scrollWidth, d.clientWidth, d.scrollHeight].join(' '); }</script>",
        encoding="utf-8",
    )
    assert CHROMIUM
    command = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={tmp_path / 'profile'}",
        "--window-size=1400,900",
    ]
    done = subprocess.run(
        [*command, "--virtual-time-budget=5000", "--dump-dom", probe.as_uri()],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    found = re.search(r"<title>(\d+) (\d+) (\d+)</title>", done.stdout)
    assert found, done.stderr[-2000:]
    inner, outer, height = map(int, found.groups())
    assert outer == width
    assert inner <= width
    assert height > 1000


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_screenshot_is_not_blank(page_file: Path, tmp_path: Path) -> None:
    from PIL import Image

    assert CHROMIUM
    picture = tmp_path / "page.png"
    subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1280,2000",
         f"--screenshot={picture}", page_file.as_uri()],
        capture_output=True, timeout=90, check=True,
    )  # fmt: skip
    colours = Image.open(picture).convert("RGB").getcolors(1 << 24)
    assert colours
    assert len(colours) > 50
