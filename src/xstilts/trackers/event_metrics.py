"""The numbers of an event that belong in a learning curve."""

from __future__ import annotations

from xstilts.executors.events import Event

CURVES = ("loss", "examples_per_second")


def curve_points(event: Event) -> dict[str, float]:
    """Name → value at the event's step; empty unless a training reports progress.

    Names are `loss`, `examples_per_second` and `dev/TASK`, a score between 0 and 1.
    """
    facts = event.facts
    if event.kind != "progress" or "step" not in facts:
        return {}
    points = {name: float(facts[name]) for name in CURVES if name in facts}
    return points | {f"dev/{task}": float(score) for task, score in facts.get("dev", {}).items()}
