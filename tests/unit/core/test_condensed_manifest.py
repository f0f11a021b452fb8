"""A manifest in memory takes little, and reads as the JSON that was written."""

from __future__ import annotations

from typing import Any

import pytest

from xstilts.core.condensed_manifest import CondensedManifest, condensed
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.stage import Cost, Stage

STAGE = Stage(
    "train", 3, {"seed": 1, "nested": {"a": [1.5]}}, {"rows": "b" * 64, "encoder": "a" * 64},
    "train x", Cost(1.5, 20, 3e17), "group", {"folder": "data"},
)  # fmt: skip


def manifest(**changes: Any) -> dict[str, Any]:
    written = {
        "key": STAGE.key,
        "stage": STAGE.to_json(),
        "files": {"rows": {"bytes": 3, "sha256": "0f" * 32}},
        "facts": {"rows": 2},
        "provenance": {"seconds": 1.25, "published": 1.7e9},
    }
    return without_digest(with_digest({**written, **changes}))


def test_it_equals_the_written_manifest() -> None:
    written = manifest()
    small = condensed(written, STAGE)
    assert isinstance(small, CondensedManifest)
    assert small == written
    assert dict(small) == written
    assert list(small["stage"]["inputs"]) == ["encoder", "rows"]
    assert small["stage"]["params"] is STAGE.params
    with pytest.raises(KeyError):
        small["own"]
    assert small.describes_its_key


def test_it_keeps_what_differs_from_the_stage() -> None:
    stage = {**STAGE.to_json(), "label": "before", "cost": {**vars(STAGE.cost), "seconds": 9.0}}
    written = manifest(stage=stage)
    assert condensed(written, STAGE) == written
    other = condensed(manifest(stage={**stage, "params": {}}), STAGE)
    assert isinstance(other, CondensedManifest)
    assert other["stage"]["params"] == {}
    assert not other.describes_its_key


@pytest.mark.parametrize(
    "changes",
    [
        {"more": 1},
        {"stage": {**STAGE.to_json(), "more": 1}},
        {"facts": {"text": "\ud800"}},
    ],
)
def test_a_manifest_of_another_layout_stays_as_it_was_written(changes: dict[str, Any]) -> None:
    written = manifest(**changes)
    assert condensed(written, STAGE) is written
