"""Output of `xstilts store export`."""

from __future__ import annotations

from dataclasses import asdict

from xstilts.api.store_export import Export
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.store import bytes_text


def show_export(export: Export, *, as_json: bool = False) -> None:
    """What was written, what is missing, and what may be private."""
    if as_json:
        print_json(asdict(export))
        return
    out = console()
    if export.missing:
        first = export.missing[0]
        print_text(out, f"not finished, so not exported: {len(export.missing):,}, such as {first}")
    for path, folder in export.private.items():
        print_text(out, f"check before you share it: {path} names {folder}")
    if export.left_out:
        print_text(out, f"{export.left_out:,} artifacts without weights or data (--weights: all)")
    print_text(out, f"wrote and verified {export.path}: {bytes_text(export.bytes)}")
