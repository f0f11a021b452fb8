"""`xstilts tasks`: the tasks that experiments can use."""

from __future__ import annotations

from typing import Annotated, Optional

import typer


def tasks(
    name: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="show the details of this task"),
    ] = None,
) -> None:
    """List tasks with their formats, sizes, languages, licences and sources."""
    from xstilts.cli.output.tasks import show_task, show_tasks

    if name is None:
        show_tasks()
    else:
        show_task(name)
