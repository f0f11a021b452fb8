"""Names of tasks as names of modules: those of saved heads, and none that torch refuses."""

from __future__ import annotations

import pytest
from torch import nn

from xstilts.training.multitask_model import module_name


@pytest.mark.parametrize(
    ("task", "name"),
    [("squad-v1", "squad-v1"), ("a_b", "a_b"), ("v1.1", "v1_1"), ("tasksource:x", "tasksource:x")],
)
def test_names_of_saved_heads_stay(task: str, name: str) -> None:
    assert module_name(task) == name


@pytest.mark.parametrize("task", ["train", "type", "keys", "training", "named.children"])
def test_a_task_may_be_named_like_a_method_of_torch(task: str) -> None:
    heads = nn.ModuleDict({module_name(task): nn.Linear(1, 1)})
    assert list(heads) == [module_name(task)]
