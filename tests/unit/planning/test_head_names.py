"""Tasks that would share a head are not trained together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.planning.compile import compile_experiment


def compiled(folder: Path, **changes: Any) -> None:
    task = {
        "format": "classification",
        "splits": {"train": ["en"], "dev": ["en"], "test": ["en", "de"]},
        "columns": ["text", "label"],
        "labels": ["a", "b"],
    }
    names = "a.b", "a_b", "other"
    experiment = {
        "name": "x",
        "encoder": "e5-small-packaged",
        "intermediate": ["none"],
        "targets": ["other"],
        "tasks": {name: {**task, "files": f"{name}-{{split}}-{{language}}.tsv"} for name in names},
    }
    (folder / "x.yaml").write_text(yaml.safe_dump(experiment | changes, sort_keys=False))
    compile_experiment(xstilts.load(folder / "x.yaml"))


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"intermediate": ["none", "a.b+a_b"]}, "intermediate"),
        ({"intermediate": ["none", "other > a.b@en+other+a_b"]}, "intermediate"),
        ({"encoder": {"name": "e5-small-packaged", "adapted_by": "a_b+a.b"}}, "adapted_by"),
    ],
)
def test_tasks_of_one_mixture_that_would_share_a_head_are_refused(
    tmp_path: Path, changes: dict[str, Any], where: str
) -> None:
    with pytest.raises(ConfigError, match=r"a\.b and a_b in") as caught:
        compiled(tmp_path, **changes)
    assert where in str(caught.value.where)
    assert "x.yaml:" in str(caught.value.where)


def test_tasks_that_are_trained_one_after_the_other_may_have_such_names(tmp_path: Path) -> None:
    compiled(tmp_path, intermediate=["none", "a.b > a_b", "a.b", "a_b"], targets=["a.b", "a_b"])
