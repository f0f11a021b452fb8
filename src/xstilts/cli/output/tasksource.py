"""Output of `xstilts tasks` for tasks of the package tasksource."""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.api.tasksource import tasksource_tasks
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, show_table, text
from xstilts.tasks.tasksource.annotation import Annotation
from xstilts.tasks.tasksource.names import id_of, is_tasksource, name_of
from xstilts.tasks.tasksource.package import annotation
from xstilts.tasks.tasksource.record import download_command, record_file
from xstilts.tasks.tasksource.source_column import SourceColumn

COLUMNS = (
    name("task"),
    name("format", 1),
    text("use", 2),
    text("data set", 3),
    text("why not", 4),
)


def show_tasksource(contains: str) -> None:
    """The tasks with a text in their names, one per row, and how many can be read."""
    out, frame = console(), tasksource_tasks(contains)
    rows = [
        (
            str(row.task),
            str(row.format),
            "no" if row.problem else "downloaded" if row.downloaded else "after download",
            f"{row.dataset} {row.config}".strip(),
            str(row.problem),
        )
        for row in frame.itertuples()
    ]
    show_table(out, FoldingTable(COLUMNS, rows))
    readable = int((frame["problem"] == "").sum())
    print_text(out, f"{len(frame)} tasks, {readable} of them can be read")


def is_undownloaded(task_name: str) -> bool:
    """Whether only the package tasksource can describe a task."""
    return is_tasksource(task_name) and not record_file(id_of(task_name)).is_file()


def show_undownloaded(task_name: str) -> None:
    """What tasksource says of a task that is not on this machine."""
    out, found = console(), annotation(task_name)
    print_text(out, name_of(found.id), style="bold")
    for key, value in _details(found).items():
        if value:
            print_text(out, value, bullet=f"{key:9}")


def show_undownloaded_json(task_name: str) -> None:
    """What tasksource says of a task that is not on this machine, as JSON."""
    found = annotation(task_name)
    print_json({"task": name_of(found.id), **_details(found)})


def _details(found: Annotation) -> Mapping[str, str]:
    config = f", configuration {found.config}" if found.config else ""
    revision = f"@{found.revision}" if found.revision else ""
    return {
        "format": found.format,
        "labels": ", ".join(found.label_names.values()),
        "splits": "; ".join(f"{ours}: {name}" for ours, name in found.splits.items()),
        "columns": "; ".join(f"{ours}: {_shown(one)}" for ours, one in found.columns.items()),
        "source": f"{found.dataset}{revision}{config}",
        "rows": f"tasksource takes {found.max_rows:,} of train" if found.max_rows else "",
        "problem": f"it cannot be read by its columns: {found.problem}" if found.problem else "",
        "download": "" if found.problem else download_command(name_of(found.id)),
    }


def _shown(column: SourceColumn) -> str:
    optional = ", if present" if column.if_present else ""
    return (" + ".join(column.paths) or repr(column.constant)) + optional
