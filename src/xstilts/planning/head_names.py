"""Tasks of one mixture need heads of different names."""

from __future__ import annotations

from xstilts.config.intermediate import IntermediateSetting, mixture_name
from xstilts.core.errors import ConfigError
from xstilts.training.head_names import without_dots


def check_head_names(setting: IntermediateSetting, where: str) -> None:
    """Check that no two tasks that are trained together differ only in dots for underscores.

    Raises:
        ConfigError: two do; they would share one head.
    """
    for mixture in setting.chain:
        seen: dict[str, str] = {}
        for part in mixture:
            other = seen.setdefault(without_dots(part.task), part.task)
            if other != part.task:
                raise ConfigError(
                    f"{other} and {part.task} in {mixture_name(mixture)} would share one head: a "
                    "dot and an underscore are the same in the names of heads",
                    where=where,
                    todo="give one of the two tasks another name",
                )
