"""`xstilts store`: verify, measure, clean and pin what a store keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from xstilts.cli.options import Json, Quiet, StoreOption

DAY = 86_400.0
app = typer.Typer(help="Verify, measure, clean, pin and export a store.", no_args_is_help=True)
Names = Annotated[
    Optional[list[str]],  # noqa: UP045 - typer reads the annotation at run time
    typer.Argument(
        metavar="EXPERIMENT|KEY|LABEL...",
        help="what to pin; an experiment by name or file  \\[default: list the pins]",
    ),
]


@app.callback()
def store() -> None:
    """Verify, measure, clean, pin and export a store."""


@app.command()
def verify(
    store: StoreOption = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="move damaged entries to STORE/damaged")
    ] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Read every file; list what is damaged and which experiments need it.

    The exit code is 4 if anything is damaged and was not moved.

    The next run computes again what was moved.
    """
    import xstilts
    from xstilts.cli.output.store_verify import reading, show_verification

    with reading(quiet=json or quiet) as on_read:
        result = xstilts.store_verify(store, repair=repair, on_read=on_read)
    show_verification(result, repair=repair, as_json=json)
    if any(not damage.moved_to for damage in result.damaged):
        raise typer.Exit(4)


@app.command()
def size(store: StoreOption = None, json: Json = False) -> None:
    """Show the size by kind and by experiment, and the largest artifacts."""
    import xstilts
    from xstilts.cli.output.store import show_size

    show_size(xstilts.store_size(store), as_json=json)


@app.command()
def gc(
    store: StoreOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="list what would be removed, and remove nothing")
    ] = False,
    older_than: Annotated[
        float,
        typer.Option(
            "--older-than", metavar="DAYS", min=0, help="keep younger artifacts and damaged files"
        ),
    ] = 1.0,
    experiment: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--experiment",
            metavar="NAME",
            help="also forget this experiment, or its run NAME@DIGESTS",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
    json: Json = False,
) -> None:
    """Remove leftovers of ended processes and artifacts that no experiment needs.

    Pinned artifacts and files that a store did not write are always kept.
    """
    import xstilts
    from xstilts.cli.output.store import show_garbage, show_removal

    age = older_than * DAY
    if dry_run or (experiment and not yes):
        show_garbage(
            xstilts.store_garbage(store, older_than=age, experiment=experiment), as_json=json
        )
        if dry_run:
            return
        typer.confirm(f"Remove this, and forget {experiment}?", abort=True, err=True)
    removal = xstilts.store_gc(store, older_than=age, experiment=experiment)
    show_removal(removal, as_json=json)


@app.command()
def pin(
    names: Names = None,
    store: StoreOption = None,
    note: Annotated[str, typer.Option("--note", help="why")] = "",
    json: Json = False,
) -> None:
    """Keep the artifacts of experiments or stages: neither gc nor keep_weights removes them."""
    import xstilts
    from xstilts.cli.output.store import show_pins

    if names:
        xstilts.store_pin(names, store, note=note)
    show_pins(xstilts.store_pins(store), as_json=json)


@app.command()
def unpin(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="names of pins")],
    store: StoreOption = None,
    json: Json = False,
) -> None:
    """Remove pins; pinned artifacts are kept until the next gc."""
    import xstilts
    from xstilts.cli.output.store import show_pins

    xstilts.store_unpin(names, store)
    show_pins(xstilts.store_pins(store), as_json=json)


@app.command()
def export(
    experiment: Annotated[
        str,
        typer.Argument(metavar="EXPERIMENT", help="an experiment of the store, by name or file"),
    ],
    to: Annotated[Path, typer.Option("--to", help="new folder, or new file ending in .tar")],
    store: StoreOption = None,
    weights: Annotated[
        bool, typer.Option("--weights", help="also copy weights, vectors and all data")
    ] = False,
    json: Json = False,
) -> None:
    """Copy what the results of an experiment need to a separate store.

    Scores, predictions, logs, records and studies; no paths, user or host names.
    """
    import xstilts
    from xstilts.cli.output.store_export import show_export

    show_export(xstilts.store_export(experiment, to, store, weights=weights), as_json=json)
