"""Writing a report: the page, or the gain table alone."""

from __future__ import annotations

from pathlib import Path

from xstilts.core.errors import ConfigError
from xstilts.reports.page import Facts, page
from xstilts.reports.tables import FORMS, readable, write_bytes, write_table

PAGE = "html"
ENDINGS = {"html": "html", "md": "md", "latex": "tex", "csv": "csv", "parquet": "parquet"}


def write_report(facts: Facts, form: str, path: Path | None) -> Path:
    """Write the page (`html`), the readable gain table (`md`, `latex`) or its numbers.

    Raises:
        ConfigError: an unknown form.
        StoreError: the file cannot be written.
    """
    if form not in (PAGE, *FORMS):
        raise ConfigError(f"no report format {form!r}", todo=f"one of {PAGE}, {', '.join(FORMS)}")
    target = path or Path(f"xstilts-{facts.experiment.name}.{ENDINGS[form]}")
    if form == PAGE:
        write_bytes(target, page(facts, target.absolute().parent).encode())
    else:
        table = facts.gains if form in ("csv", "parquet") else readable(facts.gains)
        write_table(table, form, target)
    return target
