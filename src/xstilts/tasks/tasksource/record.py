"""What is known of a downloaded task: files, columns and labels, fixed at one commit."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from xstilts.core.atomic_io import write_text
from xstilts.core.errors import DataError
from xstilts.tasks.tasksource.names import name_of
from xstilts.tasks.tasksource.source_column import SourceColumn


class TaskRecord(BaseModel):
    """One task, complete: no package and no network is needed to plan with it.

    Args:
        id, format, max_rows: as in `Annotation`.
        dataset, revision: on the Hub; the revision is a commit.
        files: split → paths in the data set.
        rows: split → rows in its files.
        columns: column of the format → where it is read.
        labels: in the order of the classes.
        label_names: value in the data set → label.
        subwords: of a typical example, estimated from its characters.
        licence: as tasksource has recorded it.
        package: version of tasksource that described it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    format: str
    dataset: str
    revision: str
    files: dict[str, tuple[str, ...]]
    rows: dict[str, int]
    columns: dict[str, SourceColumn]
    labels: tuple[str, ...] = ()
    label_names: dict[str, str] = {}
    subwords: int = 64
    licence: str = ""
    package: str = ""
    max_rows: int | None = None


def record_file(task_id: str) -> Path:
    """Where the record of a task lies: in the folder of the Hub's packages ($HF_HOME/assets)."""
    from huggingface_hub import constants

    folder = Path(constants.HF_ASSETS_CACHE) / "xstilts" / "tasksource"
    return folder / f"{quote(task_id, safe='')}.json"


def read_record(task_id: str) -> TaskRecord | None:
    """The record of a task; none if it was not downloaded.

    Raises:
        DataError: it is damaged, or of another version of xstilts.
    """
    path = record_file(task_id)
    if not path.is_file():
        return None
    try:
        return TaskRecord.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"the record of {name_of(task_id)} is damaged, or of another version of xstilts",
            where=str(path),
            todo=f"write it again: {download_command(name_of(task_id))}",
        ) from error


def write_record(record: TaskRecord) -> None:
    """Write a record, in place of an earlier one."""
    write_text(record_file(record.id), record.model_dump_json(indent=1) + "\n")


def download_command(name: str) -> str:
    """The command that downloads a task and writes its record."""
    return f'xstilts tasks "{name}" --download'
