"""Memory that is exhausted in a run: recorded and shown, and the run goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

import xstilts
from xstilts.core import fault_injection
from xstilts.core.store import Store
from xstilts.executors.events import Event


@pytest.mark.usefixtures("in_process")
@pytest.mark.parametrize(
    ("fault", "target", "kind", "text"),
    [
        ("train.forward:oom@5", "toy-kind", "train", "instead of"),
        ("evaluate.batch:oom@2", "toy-search", "embed", "in 2 parts"),
    ],
)
def test_out_of_memory_is_shown_once_recorded_and_no_failure(
    toy_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    fault: str, target: str, kind: str, text: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("XSTILTS_FAULT", fault)
    monkeypatch.setattr(fault_injection, "_passes", fault_injection.Counter())
    shown: list[Event] = []

    def listen(event: Event) -> None:
        if event.kind == "note":
            shown.append(event)

    overrides = ["name=one", "seeds=[0]", "intermediate=[none]", f"targets=[{target}]"]
    loaded = xstilts.load(str(toy_file), overrides)
    outcome = xstilts.run(loaded, tmp_path / "store", workers=1, on_event=listen)
    assert outcome.exit_code == 0, outcome.failed
    (event,) = shown
    assert event.stage.kind == kind
    notes = Store(tmp_path / "store").artifact(event.stage.key).manifest["provenance"]["notes"]
    assert [note for note in notes if text in note] == [event.facts["problem"]]
