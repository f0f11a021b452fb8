"""Cross-lingual STILTs: intermediate-task training and zero-shot cross-lingual transfer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["load", "plan", "report", "results", "run", "study"]

if TYPE_CHECKING:
    from xstilts.api.experiment import load, plan, report, results, run
    from xstilts.api.study import study


def __getattr__(name: str) -> Any:
    """The API, imported at first use so that `import xstilts` costs nothing."""
    if name in __all__:
        module = "xstilts.api.study" if name == "study" else "xstilts.api.experiment"
        return getattr(import_module(module), name)
    raise AttributeError(f"module 'xstilts' has no attribute {name!r}")
