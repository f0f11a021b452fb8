"""The trials of an experiment's recipe searches."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from xstilts.api.handle import AnyExperiment, open_experiment
from xstilts.api.inputs import AnyStore

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)


def trials(experiment: AnyExperiment, store: AnyStore | None = None) -> pd.DataFrame:
    """One row per trial of every recipe search of an experiment.

    Columns: encoder, phase (`intermediate` or `target`), task, after (the setting that the trial
    starts from), recipe (the values tried), dev (between 0 and 1, mean over the search seeds; NaN
    if a run diverged, collapsed or is to do), runs, steps, seconds, chosen, note.

    Args:
        experiment: as loaded, or a YAML file or a preset's name.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.

    Raises:
        ConfigError: an invalid experiment.
    """
    from xstilts.analysis.recipe_choices import recipe_search_results, trial_table

    handle = open_experiment(experiment, store)
    if handle.loaded.experiment.search is None:
        logger.warning("%s has no `search`", handle.loaded.experiment.name)
    return trial_table(recipe_search_results(handle.compiled, handle.snapshot))
