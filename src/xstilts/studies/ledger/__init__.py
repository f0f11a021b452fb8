"""The ledger: published claims, and what the experiments of a store say of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xstilts.core.registry import Registry

if TYPE_CHECKING:
    from xstilts.studies.ledger.found import Check

CHECKS: Registry[Check] = Registry(
    "check",
    "xstilts.checks",
    {
        "gains": "xstilts.studies.ledger.gained:GAINS",
        "no-gain": "xstilts.studies.ledger.gained:NO_GAIN",
        "order": "xstilts.studies.ledger.compared:ORDER",
        "best": "xstilts.studies.ledger.compared:BEST",
        "targets-differ": "xstilts.studies.ledger.compared:TARGETS_DIFFER",
        "plain-over": "xstilts.studies.ledger.compared:PLAIN_OVER",
        "selection": "xstilts.studies.ledger.gained:SELECTION",
        "encoder": "xstilts.studies.ledger.setup:ENCODER",
        "phases": "xstilts.studies.ledger.setup:PHASES",
        "multitask": "xstilts.studies.ledger.setup:MULTITASK",
        "tasks": "xstilts.studies.ledger.setup:TASKS_COMPARED",
        "covers": "xstilts.studies.ledger.setup:COVERS",
        "languages": "xstilts.studies.ledger.setup:LANGUAGES",
    },
)
"""Name → check: a predicate over the results of an experiment, with its parameters."""
