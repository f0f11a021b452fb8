"""A notebook as a page: its text, its code, and the outputs that are stored in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def page(path: Path) -> str:
    """The notebook in Markdown."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    blocks = [block for cell in notebook["cells"] for block in _blocks(cell)]
    return "\n\n".join(blocks) + "\n"


def _blocks(cell: Mapping[str, Any]) -> Iterator[str]:
    source = _text(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {"text/plain": output.get("text", "")})
        if "text/html" in data:
            html = "".join(line.strip() + " " for line in _text(data["text/html"]).splitlines())
            yield f'<div class="output">{html}</div>'
        elif text := _text(data.get("text/plain", "")).rstrip():
            yield f"```text\n{text}\n```"


def _text(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)
