"""`xstilts encoders convert`: pickled weights as safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xstilts.cli.options import Json

app = typer.Typer(help="Prepare encoders.", no_args_is_help=True)


@app.callback()
def encoders() -> None:
    """Prepare encoders."""


@app.command()
def convert(
    folder: Annotated[Path, typer.Argument(help="folder of an encoder with pickled weights")],
    to: Annotated[Path, typer.Option("--to", help="new folder for the copy")],
    as_json: Json = False,
) -> None:
    """Convert an encoder with pickled weights to safetensors.

    The weights are read in a process with limited memory, time and files, which loads tensors
    only. Files with anything else are refused.
    """
    from xstilts.api.encoders import convert_encoder
    from xstilts.cli.output.console import console, print_text
    from xstilts.cli.output.json_output import print_json

    converted = convert_encoder(folder, to)
    if as_json:
        print_json({"path": str(converted)})
    else:
        print_text(console(), f"converted: {converted}")
