"""Run a notebook from top to bottom and store its outputs: `python -m website.notebook_run FILE`.

Jupyter is not needed. What depends on the machine, time and free disk, is left out of the outputs.
"""

from __future__ import annotations

import ast
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

Output = dict[str, Any]
MACHINE = (
    (re.compile(r"(\d+/\d+ stages), [^<]*"), r"\1"),
    (re.compile(r"; [\d.,]+ \w+ are free"), ""),
)
"""Patterns of texts that depend on the machine, and what is stored instead."""


def main(path: Path) -> None:
    """Replace the outputs of a notebook by those of a run in a new folder."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    with tempfile.TemporaryDirectory() as folder:
        for number, (cell, outputs) in enumerate(
            zip(cells, run_cells(path, Path(folder)), strict=True), 1
        ):
            cell["execution_count"], cell["outputs"] = number, outputs
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def run_cells(path: Path, folder: Path) -> Iterator[list[Output]]:
    """The outputs of each code cell, run in one namespace with a folder as the current one."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    sources = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    namespace: dict[str, Any] = {"__name__": "__main__"}
    with _current_folder(folder):
        for number, source in enumerate(sources, 1):
            shown = Outputs()
            with shown.collected():
                value = _run("".join(source), f"cell {number}", namespace)
            if value is not None:
                shown.add("execute_result", _data(value), execution_count=number)
            yield shown.outputs


class Outputs:
    """The outputs of a cell as a notebook's file has them."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []

    def add(self, kind: str, data: dict[str, str], **more: Any) -> Output:
        """Add an output with its data by media type."""
        self.outputs.append({"output_type": kind, "data": _stored(data), "metadata": {}, **more})
        return self.outputs[-1]

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Within the block, keep what is printed, and what is displayed by IPython."""
        display = ModuleType("IPython.display")
        ipython = ModuleType("IPython")
        vars(ipython).update(get_ipython=lambda: SimpleNamespace(kernel=object()), display=display)
        vars(display).update(HTML=str, display=self._display)
        printed = io.StringIO()
        with _modules(ipython, display), redirect_stdout(printed):
            yield
        if text := printed.getvalue():
            stream = {"output_type": "stream", "name": "stdout", "text": _lines(text)}
            self.outputs.append(stream)

    def _display(self, html: str, display_id: bool = False) -> Any:
        output = self.add("display_data", {"text/html": html})
        return SimpleNamespace(update=lambda new: output.update(data=_stored({"text/html": new})))


def _run(source: str, name: str, namespace: dict[str, Any]) -> Any:
    """The value of the last line of a cell, if that is an expression."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), namespace)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), name, "eval"), namespace)


def _data(value: Any) -> dict[str, str]:
    html = getattr(value, "_repr_html_", lambda: None)()
    return {"text/plain": repr(value)} if html is None else {"text/html": html}


def _stored(data: dict[str, str]) -> dict[str, list[str]]:
    return {kind: _lines(text) for kind, text in data.items()}


def _lines(text: str) -> list[str]:
    for pattern, replacement in MACHINE:
        text = pattern.sub(replacement, text)
    return text.splitlines(keepends=True)


@contextmanager
def _modules(*modules: ModuleType) -> Iterator[None]:
    """Within the block, these modules can be imported; all others that a cell imports stay."""
    before = {module.__name__: sys.modules.get(module.__name__) for module in modules}
    sys.modules.update({module.__name__: module for module in modules})
    try:
        yield
    finally:
        for name, module in before.items():
            del sys.modules[name]
            if module is not None:
                sys.modules[name] = module


@contextmanager
def _current_folder(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
