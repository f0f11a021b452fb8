"""The documentation site: every page is reached, and generated pages say what the code does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.config.load import presets

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    from website import hooks

    return hooks


@pytest.fixture
def pages(hooks: Any) -> dict[str, str]:
    generated: dict[str, str] = hooks.generated_pages(DOCS)
    return generated


def listed(nav: Any) -> Iterator[str]:
    """The pages in a navigation."""
    if isinstance(nav, str):
        yield nav
    else:
        for part in nav.values() if isinstance(nav, dict) else nav:
            yield from listed(part)


def configured(hooks: Any) -> list[str]:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    return list(listed(hooks.on_config(SimpleNamespace(nav=config["nav"])).nav))


def test_the_navigation_lists_every_page_once(hooks: Any, pages: dict[str, str]) -> None:
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert sorted(configured(hooks)) == sorted(written | pages.keys())


def test_every_command_has_a_page_with_its_options(hooks: Any, pages: dict[str, str]) -> None:
    for name, command in hooks.command_pages.commands().items():
        page = pages[f"reference/commands/{name}.md"]
        for part in (command, *getattr(command, "commands", {}).values()):
            options = {name for parameter in part.params for name in parameter.opts}
            long = {name for name in options if name.startswith("--")}
            assert [option for option in long if option not in page] == [], name
        assert "[bold]" not in page
        assert "\\[" not in page


def test_bars_in_the_name_of_an_option_stay_in_their_cell(pages: dict[str, str]) -> None:
    (row,) = re.findall(r"^.*--devices .*$", pages["reference/commands/run.md"], re.MULTILINE)
    assert row.count("|") == 3
    assert "<code>--devices auto&#124;cpu&#124;0,1</code>" in row


def test_pages_of_commands_name_functions_that_exist(pages: dict[str, str]) -> None:
    named = set(re.findall(r"`xstilts\.(\w+)`\]\[", "".join(pages.values())))
    assert named <= set(xstilts.__all__)
    assert named >= {"run", "plan", "check_data", "store_gc", "export_model"}


def test_the_python_reference_has_every_function(pages: dict[str, str]) -> None:
    named = re.findall(r"^::: xstilts\.api\.[\w.]+\.(\w+)$", pages["reference/python.md"], re.M)
    assert named == xstilts.__all__


def test_every_preset_has_a_page_with_its_file(pages: dict[str, str]) -> None:
    for name in presets():
        page = pages[f"reference/presets/{name}.md"]
        (text,) = re.findall(r"```yaml\n(.*)```", page, re.DOTALL)
        assert yaml.safe_load(text)


def test_every_link_between_pages_leads_to_a_page(hooks: Any, pages: dict[str, str]) -> None:
    written = {p.relative_to(DOCS).as_posix(): p for p in DOCS.rglob("*.md")}
    texts = pages | {name: path.read_text(encoding="utf-8") for name, path in written.items()}
    broken = []
    for name, text in texts.items():
        page = SimpleNamespace(file=SimpleNamespace(src_uri=name))
        for link in LINK.findall(hooks.on_page_markdown(text, page)):
            path = (DOCS / name).parent.joinpath(link).resolve()
            if not path.exists() and path.relative_to(DOCS).as_posix() not in texts:
                broken.append((name, link))
    assert broken == []


def test_nothing_of_the_site_comes_from_elsewhere() -> None:
    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    scripts = [*config["extra"]["polyfills"], *config["extra_css"]]
    assert [name for name in scripts if not (ROOT / "website" / name).exists()] == []
    assert config["theme"]["font"] is False


def test_a_page_of_a_notebook_has_its_code_and_outputs(hooks: Any, tmp_path: Path) -> None:
    cells = (
        '{"cell_type": "markdown", "source": ["# Tour\\n", "text"]}',
        '{"cell_type": "code", "source": "1+1", "outputs": [{"data": {"text/plain": ["2"]}}]}',
        '{"cell_type": "code", "source": "t", "outputs": [{"data": {"text/html": "<p>\\nx</p>"}}]}',
    )
    path = tmp_path / "tour.ipynb"
    path.write_text(f'{{"cells": [{", ".join(cells)}]}}', encoding="utf-8")
    page = hooks.notebook_page.page(path)
    assert page.startswith("# Tour\ntext\n\n```python\n1+1\n```\n\n```text\n2\n```")
    assert '<div class="output"><p> x</p>' in page


def test_a_notebook_is_run_in_one_namespace_without_facts_of_the_machine(
    hooks: Any, tmp_path: Path
) -> None:
    from website.notebook_run import main, run_cells

    shown = (
        "from IPython.display import HTML, display\n"
        "shown = display(HTML('0/2 stages, 0 s, about 4 s left'), display_id=True)\n"
        "shown.update(HTML('<div>2/2 stages, 3.1 s</div>'))\n"
        "print('1 GB of disk; 77.1 GB are free.')"
    )
    sources = ("import os\nx = len(os.listdir())", "x + 1", shown)
    cells = [{"cell_type": "code", "source": source, "outputs": []} for source in sources]
    path = tmp_path / "small.ipynb"
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    (tmp_path / "empty").mkdir()
    first, second, third = run_cells(path, tmp_path / "empty")
    assert first == []
    assert [output["data"] for output in second] == [{"text/plain": ["1"]}]
    assert third[0]["data"] == {"text/html": ["<div>2/2 stages</div>"]}
    assert third[1]["text"] == ["1 GB of disk.\n"]
    assert len(third) == 2
    main(path)
    stored = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert [cell["outputs"] for cell in stored] == [first, second, third]
