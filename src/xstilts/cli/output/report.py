"""Output of `xstilts report`: the path of the file, or the report itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from xstilts.cli.output.json_output import print_json
from xstilts.core.errors import ConfigError

if TYPE_CHECKING:
    from xstilts.api.handle import ExperimentHandle


def check_json(out: Path | None) -> None:
    """Refuse `--json` with a report on standard output.

    Raises:
        ConfigError: `out` is a dash.
    """
    if out == Path("-"):
        raise ConfigError(
            "--json and --out - both write to standard output", todo="give one of them"
        )


def show_written_report(
    path: Path, form: str, handle: ExperimentHandle, *, as_json: bool = False
) -> None:
    """Print where a report is; as JSON also how many scores it has, and notes on mixed runs."""
    if as_json:
        facts = {"scores": len(handle.results), "notes": handle.mixed_notes}
        print_json({"path": str(path), "format": form, **facts})
    else:
        typer.echo(f"wrote {path}")


def show_report(handle: ExperimentHandle, form: str, watts: Mapping[str, float | None]) -> None:
    """Write a report to standard output, as the bytes of its file.

    Args:
        watts: arguments of `xstilts.report` for the estimate of energy.

    Raises:
        ConfigError: an unknown format.
    """
    import xstilts

    with TemporaryDirectory() as folder:
        written = xstilts.report(handle, Path(folder) / "report", None, form=form, **watts)
        content = written.read_bytes()
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
