"""What `xstilts export` prints."""

from __future__ import annotations

from dataclasses import asdict

from xstilts.api.export_model import ExportedModel
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json


def show_exported(exported: ExportedModel, *, as_json: bool = False) -> None:
    """Print where a model is and how it is opened."""
    if as_json:
        values = {**asdict(exported), "path": str(exported.path) if exported.path else None}
        print_json(values)
        return
    out = console()
    where = str(exported.path) if exported.path else exported.url
    print_text(out, f"wrote {where}: {exported.label}")
    print_text(out, f"opens with {' or '.join(exported.opens_with)}")
    print_text(out, f"largest difference from the trained model: {exported.difference:.1e}")
    for note in exported.notes:
        print_text(out, f"note: {note}")
    if exported.url and exported.path:
        print_text(out, f"uploaded to {exported.url}")
