"""Suites: named sets of tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from xstilts.core.errors import UnknownNameError
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.benchmarks import languages_in

ALL = ("train", "dev", "test")


@dataclass(frozen=True)
class Suite:
    """A named set of tasks.

    Args:
        splits: splits that a study of the suite reads.
        training: further tasks that its targets are trained on, of which only train and dev are
            read.
        benchmark: a name in `BENCHMARKS`, if the suite has only the languages of its table.
    """

    name: str
    tasks: tuple[str, ...]
    splits: tuple[str, ...] = ALL
    training: tuple[str, ...] = ()
    benchmark: str = ""

    def languages(self, task: str) -> frozenset[str] | None:
        """The languages of a task's test set that are evaluated; None: all."""
        codes = languages_in(self.benchmark, task) if self.benchmark else ()
        return frozenset(codes) or None


@dataclass(frozen=True)
class NeededData:
    """What is read of a task: splits, and languages of the test set, None for all."""

    splits: tuple[str, ...] = ()
    languages: frozenset[str] | None = frozenset()

    def __or__(self, other: NeededData) -> NeededData:
        both = {*self.splits, *other.splits}
        every = self.languages is None or other.languages is None
        return NeededData(
            tuple(split for split in ALL if split in both),
            None if every else (self.languages or frozenset()) | (other.languages or frozenset()),
        )


def _suite(
    name: str, tasks: str, splits: tuple[str, ...] = ALL, training: str = "", benchmark: str = ""
) -> tuple[str, Suite]:
    return name, Suite(name, tuple(tasks.split()), splits, tuple(training.split()), benchmark)


SUITES = dict(
    (
        _suite("home", "home-intents home-slots home-nli home-retrieval"),
        _suite(
            "xtreme",
            "xnli paws-x udpos pan-x xquad mlqa tydiqa bucc tatoeba",
            benchmark="xtreme",
        ),
        _suite(
            "xtreme-r",
            "xnli xcopa udpos pan-x xquad mlqa tydiqa tatoeba mewsli-x lareqa-xquad-r "
            "lareqa-mlqa-r",
            training="socialiqa copa squad-retrieval mewsli-x-pairs",
            benchmark="xtreme-r",
        ),
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
        _suite(
            "emoji",
            "emoji-nli emoji-nli-without-image emoji-nli-noto emoji-nli-noto-without-image "
            "emoji-retrieval",
        ),
        _suite(
            "xtreme-m",
            "xvnli-image xvnli-image-without-image xvnli marvl marvl-without-image xgqa "
            "xgqa-without-image xflickrco snli-ve nlvr2 gqa flickr30k",
        ),
        _suite("reasoning", "copa xcopa xwinograd mgsm-choice"),
    )
)
"""`xtreme`: its nine targets. `xtreme-r`: its ten, LAReQA's second data set, and the tasks that
some of them are trained on. `phang-2020`: the paper's nine intermediate tasks. `intermediate`:
every English one. `glue-stilts`: small tasks of GLUE and SuperGLUE, which are evaluated on dev, and
the tasks that they start from. `reasoning`: targets that ask for it, and COPA, which two of them
are trained on. `emoji`: image-text tasks that need no download. `xtreme-m`: image-text tasks of
IGLUE with their controls and training data; a choice of xstilts, not a published benchmark.
`masakhane` and `massive`: targets of one project each. `home`: the tasks that need no download."""


def members(names: Iterable[str]) -> dict[str, NeededData]:
    """Return task → what is read of it, for names of suites and tasks.

    Raises:
        UnknownNameError: neither a suite nor a task.
    """
    needed: dict[str, NeededData] = {}
    for name in names:
        if name not in SUITES and name not in TASKS:
            raise UnknownNameError("suite or task", name, [*SUITES, *TASKS])
        suite = SUITES.get(name, Suite(name, (name,)))
        parts = [(task, NeededData(suite.splits, suite.languages(task))) for task in suite.tasks]
        parts += [(task, NeededData(("train", "dev"), None)) for task in suite.training]
        for task, data in parts:
            needed[task] = needed.get(task, NeededData()) | data
    return needed


def is_needed(
    task: TaskSpec, split: str, language: str, parts: Iterable[str], part: str = ""
) -> bool:
    """Whether a study needs a split in a language: all test sets, and train and dev in one.

    Zero-shot transfer trains and tunes on one language; dev sets in other languages are only
    needed for `eval_split: dev`, or if there is no dev set in the training language. Those of
    retrieval targets are only needed where a threshold is tuned.

    Args:
        parts: which of train, dev and test the study uses.
        part: which of them the split serves as; by default its name.
    """
    part = part or split
    search = task.format_spec.search
    if part not in parts or (part == "dev" and search and not search.tunes_threshold):
        return False
    own = task.train_language
    return part == "test" or language == own or own not in task.splits[split]
