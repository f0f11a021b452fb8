"""Results as JSON on standard output."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from xstilts.core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

JSON = "json"


def print_json(value: Any) -> None:
    """Print a value as JSON; NaN is null, and characters that the encoding lacks are escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    ascii_only = not encoding.lower().replace("-", "").startswith("utf")
    sys.stdout.write(
        json.dumps(plain(value), indent=1, ensure_ascii=ascii_only, default=str) + "\n"
    )


def plain(value: Any) -> Any:
    """A value with dataclasses as objects, and null for missing numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, frozenset | set):
        return sorted(map(plain, value))
    return None if isinstance(value, float) and not math.isfinite(value) else value


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a data frame, as `--format json` has them."""
    from xstilts.reports.tables import table_text

    rows: list[dict[str, Any]] = json.loads(table_text(frame, JSON))
    return rows


def chosen_format(form: str | None, *, as_json: bool) -> str | None:
    """The format of an output: `--json` is short for `--format json`.

    Raises:
        ConfigError: another format is given too.
    """
    if as_json and form not in (None, JSON):
        raise ConfigError(f"--json and --format {form} exclude each other", todo="give one of them")
    return JSON if as_json else form
