"""Output of `xstilts doctor`."""

from __future__ import annotations

from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from xstilts.cli.output.console import console


def show_diagnosis(diagnosis: Mapping[str, str]) -> None:
    """Name and value of each fact, one per row."""
    table = Table(box=box.SIMPLE, show_header=False)
    for name, value in diagnosis.items():
        table.add_row(name, Text.from_markup(value))
    console().print(table)
