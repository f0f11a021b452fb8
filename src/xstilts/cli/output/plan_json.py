"""Output of `xstilts plan --json`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from xstilts.api.missing_data import missing_data
from xstilts.api.plan_summary import PlanSummary
from xstilts.cli.output.json_output import print_json


def show_plan_json(summary: PlanSummary, notes: Sequence[str] = ()) -> None:
    """Print the plan as one JSON object."""
    print_json(plan_as_json(summary, notes))


def plan_as_json(summary: PlanSummary, notes: Sequence[str] = ()) -> dict[str, Any]:
    """The plan as JSON: sizes in bytes, times in seconds; stages in plan order.

    Args:
        notes: see `api.run_notes`.
    """
    disk = summary.disk
    states = Counter(str(status.state) for status in summary.statuses.values())
    stages = [
        {
            "key": stage.key,
            "kind": stage.kind,
            "label": stage.label,
            "state": str(summary.statuses[stage.key].state),
            "reason": summary.statuses[stage.key].why,
            "seconds": round(summary.stage_seconds[stage.key], 3),
            "bytes": stage.cost.bytes,
        }
        for stage in summary.compiled.plan.stages
    ]
    return {
        "states": dict(states),
        "seconds": round(summary.seconds, 3),
        "operations": summary.operations,
        "workers": summary.workers,
        "disk": {
            "peak": disk.peak,
            "final": disk.final,
            "by_kind_at_peak": dict(disk.by_kind),
            "free": summary.free_bytes,
            "fits": disk.peak <= summary.free_bytes,
        },
        "notes": [*notes, *summary.power_notes],
        "missing": list(missing_data(summary)),
        "stages": stages,
    }
