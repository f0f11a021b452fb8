"""Keys of stages are those of the file `golden_keys.json`."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from xstilts.testing import golden_keys as golden

FILE = Path(__file__).with_name("golden_keys.json")


def test_keys_change_only_with_the_version_of_a_stage_kind() -> None:
    """If a version was raised: python -m xstilts.testing.golden_keys FILE."""
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    current = golden.golden_keys()
    assert golden.changed_keys(recorded, current) == []
    assert recorded == current, "a version was raised: write the file again"
    assert sum(map(len, recorded["keys"].values())) >= 200


def test_a_changed_key_without_another_version_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    path, changed = tmp_path / "keys.json", copy.deepcopy(recorded)
    path.write_text(json.dumps(recorded), encoding="utf-8")
    label = next(iter(changed["keys"]["glue-stilts"]))
    changed["keys"]["glue-stilts"][label] = "0" * 64
    monkeypatch.setattr(golden, "golden_keys", lambda: changed)
    with pytest.raises(SystemExit, match=f"glue-stilts: {label}"):
        golden.main(path)
    assert json.loads(path.read_text(encoding="utf-8")) == recorded
    changed["versions"]["train"] += 1
    golden.main(path)
    assert json.loads(path.read_text(encoding="utf-8")) == changed
