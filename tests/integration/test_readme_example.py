"""The Python example of README.md, as it is printed there."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.load import LoadedExperiment

README = Path(__file__).parents[2] / "README.md"


def test_the_example_prints_the_gains_of_a_finished_experiment(
    small: LoadedExperiment, copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = README.read_text("utf-8")
    (block,) = re.findall(r"^ {4}import xstilts\n(?:\n| {4}.+\n)+", text, re.MULTILINE)
    code = textwrap.dedent(block)
    assert code.count('"quickstart"') == 2
    monkeypatch.setenv("XSTILTS_STORE", str(copied))
    names: dict[str, Any] = {"experiment": small}
    exec(code.replace('"quickstart"', "experiment"), names)
    gains = names["gains"]
    assert set(gains["intermediate"]) == {"toy-same"}
    assert set(gains["target"]) == {"toy-kind", "toy-search"}
    assert {"gain", "low", "high", "p_holm", "significant"} <= set(gains.columns)
