"""The events of mkdocs that add generated pages to the site."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from website import command_pages, notebook_page, preset_pages, python_pages

ASSETS = Path(__file__).with_name("assets")
PRESET_LINK = re.compile(r"\((?:\.\./)+src/xstilts/config/presets/([\w-]+)\.yaml\)")
COMMAND_CELL = re.compile(r"^\| (`xstilts ([a-z]+)[^|]*`)", re.MULTILINE)


def on_config(config: Any) -> Any:
    """List the pages of commands and presets in the navigation."""
    for section in config.nav:
        if "Commands" in section:
            section["Commands"] += [{n: command_pages.path(n)} for n in command_pages.commands()]
        if "Presets" in section:
            section["Presets"] += [{n: preset_pages.path(n)} for n in preset_pages.names()]
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages, and the site's own assets."""
    from mkdocs.structure.files import File

    docs = Path(config.docs_dir)
    for path, text in generated_pages(docs).items():
        files.append(File.generated(config, path, content=text))
    for asset in sorted(ASSETS.iterdir()):
        files.append(File.generated(config, f"assets/{asset.name}", abs_src_path=str(asset)))
    for notebook in docs.glob("*.ipynb"):
        files.remove(files.src_uris[notebook.name])
    return files


def generated_pages(docs: Path) -> dict[str, str]:
    """Path below the folder of pages → text in Markdown, of every page that is generated."""
    pages = command_pages.pages(docs) | preset_pages.pages() | python_pages.pages()
    notebooks = sorted(docs.glob("*.ipynb"))
    return pages | {f"{path.stem}.md": notebook_page.page(path) for path in notebooks}


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turn links to files outside the site into links to the pages generated from them."""
    root = "../" * page.file.src_uri.count("/")
    markdown = PRESET_LINK.sub(rf"({root}{preset_pages.FOLDER}/\1.md)", markdown)
    markdown = re.sub(r"\(([\w./]*)\.ipynb\)", r"(\1.md)", markdown)
    if page.file.src_uri == "reference/commands.md":
        markdown = COMMAND_CELL.sub(r"| [\1](commands/\2.md)", markdown)
    return markdown
