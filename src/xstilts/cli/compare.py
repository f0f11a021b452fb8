"""`xstilts compare`: two experiments, what differs and the differences of their scores."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.completion import complete_experiments
from xstilts.cli.options import STANDARD_OUTPUT, Json, StoreOption

NAMES = "an experiment of the store, a YAML file or preset, or the folder of a store"


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=NAMES, autocompletion=complete_experiments)],
    b: Annotated[
        str, typer.Argument(metavar="B", help="the same", autocompletion=complete_experiments)
    ],
    store: StoreOption = None,
    other_store: Annotated[
        Optional[Path],  # noqa: UP045 - typer reads the annotation at run time
        typer.Option("--other-store", help="folder of the store of B  \\[default: that of A]"),
    ] = None,
    out: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(
            "--out", metavar="FILE", help="also write an HTML page; - for standard output"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare two experiments: what differs, and scores per target and language.

    Differences (B minus A) have paired intervals over the test examples that both have. Scores of
    different test data are not compared.
    """
    import xstilts
    from xstilts.cli.output.compare import show_comparison
    from xstilts.cli.output.report import check_json
    from xstilts.reports.comparison_page import comparison_page

    if as_json:
        check_json(out)
    if out == STANDARD_OUTPUT:
        sys.stdout.write(comparison_page(xstilts.compare(a, b, store, other_store)))
        return
    comparison = xstilts.compare(a, b, store, other_store, path=out)
    show_comparison(comparison, out, as_json=as_json)
