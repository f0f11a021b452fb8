"""Suites: named sets of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xstilts.core.errors import UnknownNameError
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec

ALL = ("train", "dev", "test")


@dataclass(frozen=True)
class Suite:
    """A named set of tasks.

    Args:
        splits: splits that a study of the suite reads.
    """

    name: str
    tasks: tuple[str, ...]
    splits: tuple[str, ...] = ALL


def _suite(name: str, tasks: str, splits: tuple[str, ...] = ALL) -> tuple[str, Suite]:
    return name, Suite(name, tuple(tasks.split()), splits)


SUITES = dict(
    (
        _suite("home", "home-intents home-slots home-nli home-retrieval"),
        _suite("xtreme", "xnli paws-x udpos pan-x xquad mlqa tydiqa bucc tatoeba"),
        _suite(
            "phang-2020",
            "anli-plus mnli qqp squad-v1 squad-v2 hellaswag ccg cosmosqa commonsenseqa",
            ("train", "dev"),
        ),
        _suite(
            "intermediate",
            "mnli snli anli anli-plus sick sick-relatedness rte glue-rte qqp mrpc stsb hellaswag "
            "ccg cosmosqa commonsenseqa piqa socialiqa copa winogrande conll2000 squad-v1 squad-v2",
            ("train", "dev"),
        ),
        _suite("glue-stilts", "glue-rte mrpc stsb copa mnli socialiqa", ("train", "dev")),
        _suite("masakhane", "masakhaner masakhapos masakhanews"),
        _suite("massive", "massive-intents massive-slots"),
        _suite("reasoning", "copa xcopa xwinograd mgsm-choice"),
    )
)
"""`xtreme`: its nine targets. `phang-2020`: the paper's nine intermediate tasks. `intermediate`:
every English one. `glue-stilts`: small tasks of GLUE and SuperGLUE, which are evaluated on dev, and
the tasks that they start from. `reasoning`: targets that ask for it, and COPA, which two of them
are trained on. `masakhane` and `massive`: targets of one project each. `home`: the tasks that need
no download."""


def members(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return task → needed splits, for names of suites and tasks.

    Raises:
        UnknownNameError: neither a suite nor a task.
    """
    needed: dict[str, tuple[str, ...]] = {}
    for name in names:
        if name not in SUITES and name not in TASKS:
            raise UnknownNameError("suite or task", name, [*SUITES, *TASKS])
        suite = SUITES.get(name, Suite(name, (name,)))
        for task in suite.tasks:
            splits = {*needed.get(task, ()), *suite.splits}
            needed[task] = tuple(split for split in ALL if split in splits)
    return needed


def is_needed(task: TaskSpec, split: str, language: str, splits: Iterable[str]) -> bool:
    """Whether a study needs a split in a language: all test sets, and train and dev in one.

    Zero-shot transfer trains and tunes on one language; dev sets in other languages are only
    needed for `eval_split: dev`, or if there is no dev set in the training language.
    """
    if split not in splits:
        return False
    own = task.train_language
    return split == "test" or language == own or own not in task.splits[split]
