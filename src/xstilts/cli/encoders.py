"""`xstilts encoders convert`: pickled weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Prepare encoders.", no_args_is_help=True)


@app.callback()
def encoders() -> None:
    """Prepare encoders."""


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(help="folder of an encoder with pickled weights")],
    to: Annotated[Path, typer.Option("--to", help="new folder for the copy")],
) -> None:
    """Copy an encoder with its pickled weights as safetensors.

    The weights are read in a process with limited memory, time and files, which loads tensors
    only. Files with anything else are refused.
    """
    from xstilts.api.encoders import convert_encoder
    from xstilts.cli.output.console import console, print_text

    print_text(console(), f"converted: {convert_encoder(folder, to)}")
