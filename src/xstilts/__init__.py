"""Cross-lingual STILTs: intermediate-task training and zero-shot cross-lingual transfer.

    import xstilts

    xstilts.run("quickstart")
    xstilts.gains("quickstart")

The commands of the command line are functions here (`data check` is `check_data`). `load` returns
an experiment with changes; every function that takes an experiment also takes a YAML file or the
name of a preset.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xstilts.api.claims import claims as claims
    from xstilts.api.compare import compare as compare
    from xstilts.api.data import check_data as check_data
    from xstilts.api.data_summary import show_data as show_data
    from xstilts.api.demo import demo as demo
    from xstilts.api.encoders import convert_encoder as convert_encoder
    from xstilts.api.evaluate import evaluate as evaluate
    from xstilts.api.experiment import load as load
    from xstilts.api.experiment import plan as plan
    from xstilts.api.experiment import run as run
    from xstilts.api.export_model import export_model as export_model
    from xstilts.api.init import init as init
    from xstilts.api.new_task import new_task as new_task
    from xstilts.api.recipes import recipes as recipes
    from xstilts.api.recommend import recommend as recommend
    from xstilts.api.report import report as report
    from xstilts.api.results import best as best
    from xstilts.api.results import gains as gains
    from xstilts.api.results import rank_encoders as rank_encoders
    from xstilts.api.results import results as results
    from xstilts.api.score_predictions import score_predictions as score_predictions
    from xstilts.api.status import status as status
    from xstilts.api.store_export import store_export as store_export
    from xstilts.api.store_gc import store_garbage as store_garbage
    from xstilts.api.store_gc import store_gc as store_gc
    from xstilts.api.store_pins import store_pin as store_pin
    from xstilts.api.store_pins import store_pins as store_pins
    from xstilts.api.store_pins import store_unpin as store_unpin
    from xstilts.api.store_sizes import store_size as store_size
    from xstilts.api.store_verify import store_verify as store_verify
    from xstilts.api.study import study as study
    from xstilts.api.tasks import tasks as tasks
    from xstilts.api.tasksource import download_task as download_task
    from xstilts.api.tasksource import tasksource_tasks as tasksource_tasks
    from xstilts.api.trials import trials as trials

__version__ = "0.1.0"
VERBS = {
    "best": "results", "check_data": "data", "claims": "claims", "compare": "compare",
    "convert_encoder": "encoders", "demo": "demo", "download_task": "tasksource",
    "evaluate": "evaluate", "export_model": "export_model", "gains": "results", "init": "init",
    "load": "experiment", "new_task": "new_task", "plan": "experiment", "rank_encoders": "results",
    "recipes": "recipes", "recommend": "recommend", "report": "report", "results": "results",
    "run": "experiment", "score_predictions": "score_predictions", "show_data": "data_summary",
    "status": "status", "store_export": "store_export", "store_garbage": "store_gc",
    "store_gc": "store_gc", "store_pin": "store_pins", "store_pins": "store_pins",
    "store_size": "store_sizes", "store_unpin": "store_pins", "store_verify": "store_verify",
    "study": "study", "tasks": "tasks", "tasksource_tasks": "tasksource", "trials": "trials",
}  # fmt: skip
"""Verb → the module of `xstilts.api` that defines it, imported at first use."""
__all__ = [
    "best", "check_data", "claims", "compare", "convert_encoder", "demo", "download_task",
    "evaluate", "export_model", "gains", "init", "load", "new_task", "plan", "rank_encoders",
    "recipes", "recommend", "report", "results", "run", "score_predictions", "show_data", "status",
    "store_export", "store_garbage", "store_gc", "store_pin", "store_pins", "store_size",
    "store_unpin", "store_verify", "study", "tasks", "tasksource_tasks", "trials",
]  # fmt: skip


def _verb(name: str) -> Any:
    return getattr(import_module(f"xstilts.api.{VERBS[name]}"), name)


class _VerbModule(ModuleType):
    # A subpackage with the name of a verb: `xstilts.tasks()` calls the verb, and `inspect` and
    # `help` show its signature and documentation.

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._verb(*args, **kwargs)

    @property
    def _verb(self) -> Any:
        return _verb(self.__name__.rpartition(".")[2])

    @property
    def __signature__(self) -> Any:
        from inspect import signature

        return signature(self._verb)

    @property
    def __doc__(self) -> str:  # type: ignore[override]
        from inspect import getdoc

        return f"{self.__name__}{self.__signature__}\n\n{getdoc(self._verb)}"


class _Package(ModuleType):
    """This package, whose subpackages with the name of a verb are callable.

    Importing `xstilts.tasks.base` sets the attribute `tasks` of this package to the subpackage,
    which would hide the verb of that name.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if name in VERBS and type(value) is ModuleType:
            value.__class__ = _VerbModule
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        dunders = [name for name in super().__dir__() if name.startswith("__")]
        return sorted({*dunders, *__all__})


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """A verb, imported at first use so that `import xstilts` costs nothing."""
    if name in VERBS:
        return _verb(name)
    raise AttributeError(f"module 'xstilts' has no attribute {name!r}")
