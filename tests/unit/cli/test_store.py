"""`xstilts store`: exit codes, JSON and tables for a narrow terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from xstilts.cli.app import app
from xstilts.core.store import Store
from xstilts.testing.recorded_stores import publish, record, toy_stage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    for number in range(3):
        publish(store, toy_stage(number))
    record(store, "toy", [toy_stage(0)])
    return store


def call(store: Store, *arguments: str, answer: str = "") -> Result:
    verb, *rest = arguments
    return CliRunner().invoke(app, ["store", verb, "--store", str(store.root), *rest], input=answer)


def test_verify_exits_with_4_until_the_damage_is_set_aside(store: Store) -> None:
    assert call(store, "verify").exit_code == 0
    (store.artifact(toy_stage(0).key) / "file.bin").write_bytes(b"other")
    damaged = call(store, "verify", "--json")
    assert damaged.exit_code == 4
    (entry,) = json.loads(damaged.stdout)["damaged"]
    assert entry["needed_by"] == ["toy"]
    assert call(store, "verify", "--repair").exit_code == 0
    assert call(store, "verify").exit_code == 0


def test_gc_removes_what_its_dry_run_lists(store: Store) -> None:
    arguments = ("gc", "--older-than", "0", "--json")
    listed = json.loads(call(store, *arguments, "--dry-run").stdout)["remove"]
    assert {entry["key"] for entry in listed} == {toy_stage(1).key, toy_stage(2).key}
    assert len(store.keys()) == 3
    assert json.loads(call(store, *arguments).stdout)["removed"] == listed
    assert store.keys() == [toy_stage(0).key]


def test_gc_keeps_what_is_younger_than_a_day(store: Store) -> None:
    assert "nothing" in call(store, "gc").stdout
    assert len(store.keys()) == 3


def test_an_experiment_is_forgotten_only_after_a_yes(store: Store) -> None:
    assert call(store, "gc", "--experiment", "toy", answer="n\n").exit_code == 1
    assert store.has(toy_stage(0).key)
    assert call(store, "gc", "--experiment", "toy", answer="y\n").exit_code == 0
    assert not store.has(toy_stage(0).key)


@pytest.mark.parametrize(
    "arguments",
    [("size",), ("verify",), ("gc", "--dry-run", "--older-than", "0"), ("pin", "toy"), ("pin",)],
)
def test_tables_fit_80_columns(
    store: Store, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xstilts.cli.output.console.PIPE_WIDTH", 80)
    result = call(store, *arguments)
    assert result.exit_code == 0
    rows = [line for line in result.stdout.splitlines() if "artifacts/" not in line]
    assert all(len(line) <= 80 or str(store.root) in line for line in rows)
    assert "\x1b" not in result.stdout


def test_pins_are_listed_as_json(store: Store) -> None:
    call(store, "pin", "toy", "--note", "table 2")
    (pin,) = json.loads(call(store, "pin", "--json").stdout)
    assert pin["note"] == "table 2"
    assert call(store, "unpin", "toy").exit_code == 0
    assert json.loads(call(store, "pin", "--json").stdout) == []
