"""Output of `xstilts run --json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.json_output import print_json, records
from xstilts.executors.base import RunResult

if TYPE_CHECKING:
    import pandas as pd


def show_run_json(
    result: RunResult, summary: PlanSummary, gains: pd.DataFrame, notes: Sequence[str]
) -> None:
    """Print how a run ended, and its gains, as one JSON object."""
    print_json(run_as_json(result, summary, gains, notes))


def run_as_json(
    result: RunResult, summary: PlanSummary, gains: pd.DataFrame, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """How the run ended, and the gain table; stages by key.

    Args:
        notes: see `api.run_notes`, `analysis.mixed_runs` and `analysis.data_notes`.
    """
    by_key = summary.compiled.plan.by_key

    def stages(reasons: dict[str, str]) -> list[dict[str, str]]:
        return [
            {"key": key, "label": by_key[key].label, "problem": text}
            for key, text in reasons.items()
        ]

    return {
        "exit_code": result.exit_code,
        "done": result.done,
        "failed": stages(result.failed),
        "skipped": stages(result.skipped),
        "freed_bytes": result.freed,
        "notes": list(notes),
        "gains": records(gains) if len(gains) else [],
    }
