"""Write an experiment's report, or its submissions to XTREME's leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.api.handle import AnyExperiment, open_experiment
from xstilts.api.inputs import AnyStore, check_output
from xstilts.config.load import LoadedExperiment

if TYPE_CHECKING:
    from xstilts.reports.xtreme.write import LeaderboardSubmission

XTREME = "xtreme"
"""The format that is a folder of submissions."""


def report(
    experiment: AnyExperiment,
    path: Path | str | None = None,
    store: AnyStore | None = None,
    *,
    form: str = "html",
    gpu_watts: float | None = None,
    core_watts: float | None = None,
) -> Path:
    """Write an experiment's report and return its path.

    Args:
        experiment: as loaded, or a YAML file or a preset's name.
        path: a file, or a folder for `xtreme`; by default ./xstilts-NAME.FORMAT.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        form: `html`, one page that needs no network; `md` or `latex`, its tables; `csv` or
            `parquet`, the gains; `xtreme`, see `submissions`.
        gpu_watts, core_watts: what a busy GPU and CPU core draw, for the estimate of energy; by
            default those of `reports.cost.PowerAssumption`.

    Raises:
        ConfigError: an unknown format, an invalid experiment, or its own file as `path`.
        StoreError: the file cannot be written.
    """
    handle = open_experiment(experiment, store)
    check_output(path, handle.loaded, handle.store)
    if form == XTREME:
        target = submission_folder(handle.loaded, path)
        submissions(handle, target)
        return target
    from xstilts.reports.build import PAGE, check_format, write_report
    from xstilts.reports.cost import assumed_power
    from xstilts.reports.html import ReportData

    power = assumed_power(gpu_watts, core_watts)
    check_format(form)  # before the gains, which take long in a large store

    data = ReportData(
        handle.loaded.experiment,
        handle.compiled,
        handle.statuses,
        handle.snapshot,
        handle.results,
        handle.run_gains,
        handle.gains,
        handle.compared,
        language_intervals=handle.language_intervals if form == PAGE else (),
        power=power,
        mixed=[f"{note}." for note in handle.mixed_notes],
    )
    return write_report(data, form, Path(path) if path else None)


def submissions(
    experiment: AnyExperiment,
    path: Path | str | None = None,
    store: AnyStore | None = None,
) -> list[LeaderboardSubmission]:
    """Write the test predictions in the layout of XTREME's leaderboard, and check them.

    One submission for each encoder, intermediate setting and seed: the folder
    PATH/ENCODER/SETTING/seed-N and a zip file of that name. An incomplete one lists what is
    missing in its `problems`.

    Raises:
        ConfigError: nothing can be submitted, or the folder is one of the store's.
    """
    from xstilts.reports.xtreme.write import write_submissions

    handle = open_experiment(experiment, store)
    target = submission_folder(handle.loaded, path)
    check_output(target, handle.loaded, handle.store)
    return write_submissions(handle.compiled, handle.snapshot, target, handle.loaded.data)


def submission_folder(loaded: LoadedExperiment, path: Path | str | None = None) -> Path:
    """The folder for submissions: the one given, else ./xstilts-NAME-xtreme."""
    return Path(path) if path else Path(f"xstilts-{loaded.experiment.name}-{XTREME}")
