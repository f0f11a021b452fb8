"""What a user should know of an experiment before it runs."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.analysis.replaced_runs import other_encoders, replaced_run
from xstilts.api.handle import ExperimentHandle
from xstilts.api.recipe_notes import recipe_notes
from xstilts.config.experiment import Experiment
from xstilts.config.intermediate import parse_setting

CHANGED_KEYS = 5
"""Number of changed keys that are listed."""


def run_notes(handle: ExperimentHandle) -> Iterator[str]:
    """Sentences: why there will be no gains, which earlier run has the same name, likely slips."""
    experiment = handle.loaded.experiment
    if experiment.baseline not in experiment.intermediate:
        yield (
            f"there will be scores but no gains: `intermediate` has no {experiment.baseline} (the "
            "baseline); add it, or name another setting with `baseline:`"
        )
    yield from settings_without_baseline(experiment)
    yield from recipe_notes(handle.loaded)
    if replaced := replaced_run(handle.loaded, handle.compiled, handle.snapshot):
        keys = replaced.changed[:CHANGED_KEYS]
        more = ", …" if len(replaced.changed) > len(keys) else ""
        changed = f"{', '.join(keys)}{more} changed" if keys else "its data changed"
        yield (
            f"replaces the last run of {experiment.name} in results and reports ({changed}): "
            f"{replaced.hidden} of its {replaced.scores} scores are no longer shown; "
            "they stay in the store; use another `name` to keep both visible"
        )
    if others := other_encoders(handle.loaded, handle.compiled, handle.snapshot):
        yield (
            f"the store has another experiment named {experiment.name}, with the encoder "
            f"{', '.join(others)}: results and status list both by name and digest; use another "
            "`name` to tell them apart"
        )


def settings_without_baseline(experiment: Experiment) -> Iterator[str]:
    """A sentence on the settings that do not begin with the baseline's trainings."""
    baseline = parse_setting(experiment.baseline)
    settings = (parse_setting(text) for text in experiment.intermediate)
    apart = [one.name for one in settings if one.chain and one.after(baseline) is None]
    if apart:
        name = baseline.name
        yield (
            f"not trained after the baseline {name}: {', '.join(apart)}; the gain over {name} "
            f"mixes what both add to the encoder; compare also {name} > {apart[0]}"
        )
