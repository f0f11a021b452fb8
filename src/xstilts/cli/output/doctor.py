"""Output of `xstilts doctor`."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json


def show_diagnosis(diagnosis: Mapping[str, str], *, as_json: bool = False) -> None:
    """Name and value of each fact, one per row."""
    facts = {name: Text.from_markup(value) for name, value in diagnosis.items()}
    if as_json:
        print_json({name: value.plain for name, value in facts.items()})
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        print_text(console(), value.plain, style=str(value.style), bullet=f"{name:{width}}")
