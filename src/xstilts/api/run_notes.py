"""What a user should know of an experiment before it runs."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.analysis.replaced_runs import replaced_run
from xstilts.api.handle import ExperimentHandle
from xstilts.config.intermediate import BASELINE

CHANGED_KEYS = 5
"""Number of changed keys that are listed."""


def run_notes(handle: ExperimentHandle) -> Iterator[str]:
    """Sentences: why there will be no gains, and which earlier run is replaced."""
    experiment = handle.loaded.experiment
    if BASELINE not in experiment.intermediate:
        yield f"there will be scores but no gains: `intermediate` has no {BASELINE} (the baseline)"
    if replaced := replaced_run(handle.loaded, handle.compiled, handle.snapshot):
        keys = replaced.changed[:CHANGED_KEYS]
        more = ", …" if len(replaced.changed) > len(keys) else ""
        changed = f"{', '.join(keys)}{more} changed" if keys else "its data changed"
        yield (
            f"replaces the last run of {experiment.name} in results and reports ({changed}): "
            f"{replaced.hidden} of its {replaced.scores} scores are no longer shown; "
            "they stay in the store; use another `name` to keep both visible"
        )
