"""Only stages whose metrics depend on the language have it in their key."""

from __future__ import annotations

from pathlib import Path

import xstilts
from xstilts.core.stage import Stage
from xstilts.planning.compile import compile_experiment


def stages(target: str, folder: Path) -> tuple[Stage, ...]:
    changes = [f"targets=[{target}]", f"data={folder}", "languages=[en, de]", "eval_split=dev"]
    return compile_experiment(xstilts.load("home", [*changes, "intermediate=[none]"])).plan.stages


def test_mlqa_score_keys_depend_on_the_language(tmp_path: Path) -> None:
    found = stages("mlqa", tmp_path)
    scored = {stage.params["language"] for stage in found if stage.kind == "score"}
    assert scored == {"en", "de"}
    trained = [stage.params["tasks"] for stage in found if stage.kind == "train"]
    assert all(list(tasks) == ["squad-v1"] for tasks in trained)  # whose rules have no language


def test_other_keys_do_not_depend_on_the_language(tmp_path: Path) -> None:
    found = [stage for stage in stages("xnli", tmp_path) if stage.kind == "score"]
    assert found
    assert all("language" not in stage.params for stage in found)
