"""Published claims, judged on the experiments of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts.core.registry import Registry

if TYPE_CHECKING:
    from xstilts.claims.verdict import Check

CHECKS: Registry[Check] = Registry(
    "check",
    "xstilts.checks",
    {
        "gains": "xstilts.claims.gain_checks:GAINS",
        "no-gain": "xstilts.claims.gain_checks:NO_GAIN",
        "order": "xstilts.claims.comparison_checks:ORDER",
        "best": "xstilts.claims.comparison_checks:BEST",
        "targets-differ": "xstilts.claims.comparison_checks:TARGETS_DIFFER",
        "plain-over": "xstilts.claims.comparison_checks:PLAIN_OVER",
        "selection": "xstilts.claims.gain_checks:SELECTION",
        "encoder": "xstilts.claims.setup_checks:ENCODER",
        "phases": "xstilts.claims.setup_checks:PHASES",
        "multitask": "xstilts.claims.setup_checks:MULTITASK",
        "tasks": "xstilts.claims.setup_checks:TASKS_COMPARED",
        "covers": "xstilts.claims.setup_checks:COVERS",
        "languages": "xstilts.claims.setup_checks:LANGUAGES",
    },
)
"""Name → check: a predicate over the results of an experiment, with its parameters."""
