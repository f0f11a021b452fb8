"""Pins by name, and sizes by experiment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import xstilts
from xstilts.core.errors import ConfigError, UnknownNameError
from xstilts.core.garbage import DAY
from xstilts.core.store import Store
from xstilts.testing.recorded_stores import publish, record, toy_stage

ENCODER = toy_stage(0)
STAGES = [ENCODER, *(toy_stage(number, {"encoder": ENCODER.key}) for number in (1, 2, 3))]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store").prepare()
    for stage in STAGES:
        publish(store, stage, {"file": b"x" * 1000})
    record(store, "one", STAGES[:3])
    record(store, "two", [STAGES[0], STAGES[2]])
    return store


@pytest.mark.parametrize(
    ("name", "pinned"),
    [
        ("one", {0, 1, 2}),
        (STAGES[1].key, {0, 1}),
        (STAGES[1].key[:8], {0, 1}),
        ("toy 3", {0, 3}),
        ("toy [12]", {0, 1, 2}),
    ],
)
def test_a_pin_holds_what_its_name_means_and_the_encoders(
    store: Store, name: str, pinned: set[int]
) -> None:
    (pin,) = xstilts.store_pin([name], store, note="why")
    assert set(pin.keys) == {STAGES[number].key for number in pinned}
    assert xstilts.store_pins(store) == [pin]
    xstilts.store_unpin([name], store)
    assert xstilts.store_pins(store) == []


def test_the_file_of_an_experiment_stands_for_its_name(
    store: Store, toy_file: Path, tmp_path: Path
) -> None:
    name = xstilts.load(toy_file).experiment.name
    record(store, name, STAGES[:2])
    (pin,) = xstilts.store_pin([str(toy_file)], store)
    assert (pin.name, set(pin.keys)) == (name, {one.key for one in STAGES[:2]})
    xstilts.store_unpin([str(toy_file)], store)
    assert xstilts.store_pins(store) == []
    assert xstilts.store_export(str(toy_file), tmp_path / "copy", store).artifacts == 2


@pytest.mark.parametrize("names", [[], ["absent"], ["one", "absent"]])
def test_a_name_that_means_nothing_pins_nothing(store: Store, names: list[str]) -> None:
    with pytest.raises(ConfigError):
        xstilts.store_pin(names, store)
    assert xstilts.store_pins(store) == []


def test_an_unknown_name_is_answered_with_a_similar_label(store: Store) -> None:
    with pytest.raises(ConfigError, match="did you mean 'toy 3'"):
        xstilts.store_pin(["tooy 3"], store)
    with pytest.raises(ConfigError, match="known: one, two"):
        xstilts.store_pin(["xyz"], store)


def test_an_unknown_pin_removes_none(store: Store) -> None:
    xstilts.store_pin(["one"], store)
    with pytest.raises(UnknownNameError):
        xstilts.store_unpin(["one", "two"], store)
    assert len(xstilts.store_pins(store)) == 1


def test_a_pinned_artifact_that_no_experiment_needs_survives_gc(store: Store) -> None:
    xstilts.store_pin([STAGES[3].key], store)
    now = os.stat(store.root).st_mtime + 9 * DAY
    assert xstilts.store_garbage(store, now=now) == []
    xstilts.store_unpin([STAGES[3].key], store)
    assert [entry.key for entry in xstilts.store_garbage(store, now=now)] == [STAGES[3].key]


def test_sizes_count_shared_artifacts_once(store: Store) -> None:
    size = xstilts.store_size(store)
    by_name = {one.name: one for one in size.experiments}
    artifact = size.unneeded
    assert artifact > 1000
    assert by_name["one"].bytes == pytest.approx(3 * artifact, rel=0.1)
    assert by_name["one"].alone == pytest.approx(artifact, rel=0.1)
    assert by_name["two"].alone == 0
    files = (path for path in store.root.rglob("*") if path.is_file())
    assert size.total == sum(path.stat().st_size for path in files)


def test_a_file_with_two_hard_links_counts_once(store: Store) -> None:
    before = xstilts.store_size(store).total
    first, second = (store.artifact(stage.key) / "file" for stage in STAGES[:2])
    second.unlink()
    os.link(first, second)
    assert xstilts.store_size(store).total == before - 1000
