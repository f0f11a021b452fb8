"""Write a report: the HTML page, its tables as text, or the gain table as data."""

from __future__ import annotations

from pathlib import Path

from xstilts.core.errors import ConfigError
from xstilts.reports.html import ReportData, page
from xstilts.reports.latex_tables import latex_report
from xstilts.reports.sections import Section
from xstilts.reports.tables import (
    FORMS,
    english_legend,
    gain_meaning,
    readable,
    table_text,
    without_empty_note,
    write_output,
    write_table,
)

PAGE = "html"
KNOWN = (PAGE, *FORMS, "xtreme")
ENDINGS = {"html": "html", "md": "md", "latex": "tex", "csv": "csv", "parquet": "parquet"}


def write_report(data: ReportData, form: str, path: Path | None) -> Path:
    """Write the page (`html`), its tables (`md`, `latex`), or the gain table (`csv`, `parquet`).

    Raises:
        ConfigError: an unknown format.
        StoreError: the file cannot be written.
    """
    check_format(form)
    target = path or Path(f"xstilts-{data.experiment.name}.{ENDINGS[form]}")
    if form == PAGE:
        write_output(target, page(data, target.absolute().parent).encode())
    elif form in ("csv", "parquet"):
        write_table(data.gains, form, target)
    elif form == "latex":
        write_output(target, latex_report(data).encode())
    else:
        legend = gain_meaning(data.gains) + english_legend(data.gains)
        notes = tuple(filter(None, (legend, data.nonstandard_splits, data.precision, *data.mixed)))
        gains = Section("gains", "Gains", without_empty_note(readable(data.gains)), notes)
        sections = (*data.rankings, gains, *data.sections, *data.closing_sections)
        parts = map(section_text, sections)
        write_output(target, "\n".join(parts).encode())
    return target


def check_format(form: str) -> None:
    """Refuse an unknown format.

    Raises:
        ConfigError: the format is none of html, md, latex, csv and parquet.
    """
    if form not in (PAGE, *FORMS):
        raise ConfigError(
            f"no report format {form!r}", todo=f"one of {PAGE}, {', '.join(FORMS)}, xtreme"
        )


def section_text(section: Section) -> str:
    """A table with its title and notes as Markdown."""
    notes = "\n".join(section.notes)
    return f"## {section.title}\n\n{table_text(section.table, 'md')}\n{notes}\n"
