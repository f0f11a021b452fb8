"""Output of `xstilts status`: progress of experiments, what runs now, and recent events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from xstilts.api.running_stages import RunningStage
from xstilts.api.status import ExperimentStatus
from xstilts.cli.output.console import console, print_line, print_text
from xstilts.cli.output.json_output import print_json
from xstilts.cli.output.tables import FoldingTable, name, number, show_table, text, without_empty
from xstilts.cli.output.units import date_text, some_of
from xstilts.core.counted import counted
from xstilts.core.errors import ConfigError
from xstilts.core.plan import StageState
from xstilts.core.store import Store

LAST_EVENTS = 10
SLURM = "slurm"
"""The folder of a store with files of Slurm's jobs."""
COLUMNS = (
    name("experiment"),
    name("last run", 1),
    number("stages", 3),
    number("done"),
    number("to do"),
    number("blocked", 4),
    text("differs in", 2),
    name("encoder", 5),
)
SHOWN_STATES = (StageState.DONE, StageState.TODO, StageState.BLOCKED)
SHOWN_VERSION = "`results FILE` and `report FILE` show the one that FILE describes now"


def show_status(
    store: Store,
    experiments: Sequence[ExperimentStatus],
    *,
    as_json: bool = False,
) -> None:
    """Stage counts of each experiment, what runs now, and the newest events.

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
    names = Counter(experiment.experiment for experiment in experiments)
    labels = {
        each.name: each.experiment if names[each.experiment] == 1 else each.name
        for each in experiments
    }
    rows = []
    for experiment in experiments:
        counts = [experiment.states.get(state, 0) for state in SHOWN_STATES]
        stages, done, todo, blocked = map(str, (experiment.stages, *counts))
        numbers = (stages, done, todo, "" if blocked == "0" else blocked)
        rows.append(
            (
                labels[experiment.name],
                date_text(experiment.when),
                *numbers,
                some_of(experiment.differs),
                experiment.encoder,
            )
        )
    show_table(out, without_empty(FoldingTable(COLUMNS, rows)))
    if versions := [f"{count} versions of {each}" for each, count in names.items() if count > 1]:
        print_text(out, f"{', '.join(versions)}: {SHOWN_VERSION}")
    for experiment in experiments:
        show_running(experiment, labels[experiment.name])
    if (store.root / SLURM).is_dir() and not any(each.running for each in experiments):
        print_text(out, "pending Slurm jobs are not shown here: use squeue")
    if not events:
        print_text(out, f"no events: {store.journal.path.name} is missing or empty")
        print_text(out, "  → nothing to do: the next run starts a new one")
    for event in events:
        when = time.strftime("%H:%M:%S", time.localtime(event["time"]))
        label = event.get("label", event.get("key", ""))
        problem = f": {event['problem']}" if "problem" in event else ""
        print_text(out, f"{label}{problem}", bullet=f"{when} {event['event']:8}")


def show_running(experiment: ExperimentStatus, label: str) -> None:
    """The stages that run now, or how an experiment with stages to do is resumed."""
    out = console()
    if experiment.running:
        show_running_now(experiment.running, label)
    elif experiment.states.get(StageState.TODO):
        stopped = f"{label}: stopped, no stage runs now"
        if experiment.command:
            print_text(out, f"{stopped}; to resume (`--workers` and the like as before):")
            print_line(out, f"  {experiment.command}")
        else:
            print_text(out, f"{stopped}; {experiment.problem}")


def show_running_now(running: Sequence[RunningStage], label: str) -> None:
    """The stages of an experiment that run now, the first few by name."""
    out = console()
    print_text(out, f"{label}: {counted(len(running), 'stage')} running now")
    for stage in running[:LAST_EVENTS]:
        print_text(out, stage.text, bullet="  •")
    if len(running) > LAST_EVENTS:
        print_text(out, f"  and {len(running) - LAST_EVENTS} more")
