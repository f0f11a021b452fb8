"""A saved table does not outlive a change of the functions that it depends on."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from xstilts.core.code_digest import added_code_digest
from xstilts.metrics import METRICS


def test_a_function_of_another_package_has_the_digest_of_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / "added_metric_for_a_test.py"
    file.write_text("def value(sums): return sums\n")
    module = importlib.import_module("added_metric_for_a_test")
    before = added_code_digest(module.value)
    file.write_text("def value(sums): return sums / 2\n")
    assert before
    assert added_code_digest(module.value) not in ("", before)


def test_functions_of_this_package_are_left_to_its_own_digest() -> None:
    assert added_code_digest(METRICS.get("accuracy").value) == ""
