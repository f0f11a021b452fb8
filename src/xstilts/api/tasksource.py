"""Tasks of the package tasksource: their list, and the download of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

if TYPE_CHECKING:
    import pandas as pd


def tasksource_tasks(contains: str = "") -> pd.DataFrame:
    """One row per English text task of the installed package tasksource, in its order.

    Columns: task (`tasksource:NAME`), format, dataset, config, downloaded (whether it is on this
    machine, so that experiments can use it), problem (why xstilts cannot read it; blank if it can).

    Args:
        contains: only tasks with this text in their name, in any case.

    Raises:
        MissingPackageError: tasksource is not installed.
    """
    import pandas as pd

    from xstilts.tasks.tasksource.names import id_of, name_of
    from xstilts.tasks.tasksource.package import known_tasks
    from xstilts.tasks.tasksource.record import record_file

    wanted = id_of(contains).lower()
    rows = [
        {
            "task": name_of(one.id),
            "format": one.format,
            "dataset": one.dataset,
            "config": one.config,
            "downloaded": record_file(one.id).is_file(),
            "problem": one.problem,
        }
        for one in known_tasks().values()
        if wanted in one.id.lower()
    ]
    columns = ["task", "format", "dataset", "config", "downloaded", "problem"]
    return pd.DataFrame(rows, columns=columns)


def download_task(name: str) -> TaskSpec:
    """Download a task of tasksource, so that experiments can name it.

    Its files go to the cache of the Hub, and a record of commit, files, columns and labels to
    `$HF_HOME/assets/xstilts`. An earlier record is replaced: experiments then use the new commit.

    Args:
        name: `tasksource:NAME`.

    Raises:
        ConfigError: there is no such task, or names of columns do not express it.
        DataError: the Hub cannot be reached, or the data set is not as tasksource describes it.
        MissingPackageError: tasksource is not installed.
    """
    from xstilts.core.errors import ConfigError
    from xstilts.tasks.tasksource.download import download_task as fetch
    from xstilts.tasks.tasksource.names import is_tasksource

    if not is_tasksource(name):
        raise ConfigError(
            f"{name!r} is not a task of tasksource",
            todo="name one as tasksource:NAME; other tasks are downloaded when they are read",
        )
    fetch(name)
    return TASKS.get(name)
