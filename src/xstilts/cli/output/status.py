"""Output of `xstilts status`: progress of experiments and recent events."""

from __future__ import annotations

import time
from collections.abc import Sequence

from xstilts.api.status import ExperimentStatus
from xstilts.cli.output.console import console, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, number, show_table
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState
from xstilts.core.store import Store

LAST_EVENTS = 10
COLUMNS = (
    name("experiment"),
    number("stages", 2),
    number("done", 1),
    number("to do", 1),
    number("blocked", 2),
    name("encoder", 3),
)
SHOWN_STATES = (StageState.DONE, StageState.TODO, StageState.BLOCKED)


def show_status(
    store: Store, experiments: Sequence[ExperimentStatus], *, as_json: bool = False
) -> None:
    """Stage counts of each experiment, and the newest events.

    Raises:
        ConfigError: the store has no experiments.
    """
    if not experiments:
        raise ConfigError(
            f"no experiment was run in {store.root}", todo="xstilts run quickstart, or --store DIR"
        )
    events = store.journal.last(LAST_EVENTS)
    if as_json:
        print_json({"store": store.root, "experiments": list(experiments), "events": events})
        return
    out = console()
    rows = []
    for experiment in experiments:
        counts = [experiment.states.get(state, 0) for state in SHOWN_STATES]
        numbers = map(str, (experiment.stages, *counts))
        rows.append((experiment.name, *numbers, experiment.encoder))
    show_table(out, FoldingTable(COLUMNS, rows))
    if not events:
        print_text(out, f"no events: {store.journal.path.name} is missing or empty")
        print_text(out, "  → nothing to do: it begins again with the next run")
    for event in events:
        when = time.strftime("%H:%M:%S", time.localtime(event["time"]))
        label = event.get("label", event.get("key", ""))
        problem = f": {event['problem']}" if "problem" in event else ""
        print_text(out, f"{label}{problem}", bullet=f"{when} {event['event']:8}")
