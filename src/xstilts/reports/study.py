"""A study's answer as files: json, csv, md and svg; and the answers that a report shows."""

from __future__ import annotations

import logging
import math
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from xstilts.core.atomic_io import read_json, write_json, write_text
from xstilts.core.errors import StoreError
from xstilts.core.hashing import with_digest, without_digest
from xstilts.core.store import Store, to_store_error
from xstilts.core.warn_once import warn_once
from xstilts.reports.markdown import escaped
from xstilts.reports.study_figures import draw, standalone
from xstilts.reports.tables import NOTHING, table_text
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import Answer, Evidence, Finding, StudyTable
from xstilts.studies.render import format_p, slug
from xstilts.studies.serialize import FILE, FOLDER, StoredAnswer, from_json, to_json

PAGE = "answer.md"
WRITTEN = re.compile(rf"{re.escape(PAGE)}|[a-z0-9-]+\.(csv|md|svg)")
"""Names of an answer's files besides its JSON."""
logger = logging.getLogger(__name__)

UNREADABLE = (
    "The stored answer of this study cannot be read: it is damaged, or from another version of "
    "xstilts. Run the study again."
)
DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


def folder_of(store: Store, experiment: str, study: str) -> Path:
    """Where a store keeps the answer of a study about an experiment."""
    return store.root / FOLDER / experiment / study


def write_answer(answer: Answer, evidence: Evidence) -> list[Path]:
    """Write an answer's files into the store; the same answer, the same bytes.

    `answer.json` is written last and contains all of the answer; reports read it. Files of a
    previous answer that are no part of this one are removed; other files stay.

    Raises:
        StoreError: the store cannot be written.
    """
    folder = folder_of(evidence.store, evidence.loaded.experiment.name, answer.study)
    texts = dict(_texts(answer))
    try:
        for name in (*texts, FILE):
            if (folder / name).is_dir():  # by damage: no file can take its name
                evidence.store.set_aside(folder / name, f"{answer.study}.{name}")
        for name, text in texts.items():
            write_text(folder / name, text)
        for name in _written(folder) - texts.keys():
            (folder / name).unlink(missing_ok=True)
        write_json(folder / FILE, with_digest(to_json(answer, evidence, list(texts))))
    except OSError as error:
        raise to_store_error(error, evidence.store.root) from error
    return [folder / name for name in (*texts, FILE)]


def _written(folder: Path) -> set[str]:
    """The files of the previous answer, as its JSON lists them; only names that an answer gives."""
    try:
        names = {str(name) for name in read_json(folder / FILE)["files"]}
    except DAMAGED:
        return set()
    return {name for name in names if WRITTEN.fullmatch(name) and (folder / name).is_file()}


def copy_answer(files: list[Path], folder: Path) -> list[Path]:
    """Copies of an answer's files in a folder of the user's.

    Raises:
        StoreError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(shutil.copyfile(path, folder / path.name)) for path in files]
    except OSError as error:
        raise StoreError(
            f"cannot write {folder}: {error.strerror}", todo="give another folder with --out"
        ) from error


def answered(store: Store, experiment: str, results: pd.DataFrame) -> Iterator[StoredAnswer]:
    """The answers that a store has about an experiment, by name of the study.

    The summary of an unreadable one says so.

    Args:
        results: the experiment's scores as they are now.
    """
    for study in store.names(f"{FOLDER}/{experiment}"):
        folder = folder_of(store, experiment, study)
        if not _has_answer(folder):
            continue
        try:
            stored = from_json(_checked(folder), results, store)
        except DAMAGED as error:
            warn_once(
                logger, "%s cannot be read: %s\n  → run the study again", folder / FILE, error
            )
            stored = StoredAnswer(Answer(study, "", UNREADABLE), current=True)
        yield stored


def _has_answer(folder: Path) -> bool:
    """Whether a study was answered: the folder has the answer, or other files of one."""
    if os.path.lexists(folder / FILE):
        return True
    return folder.is_dir() and any(WRITTEN.fullmatch(name) for name in os.listdir(folder))


def _checked(folder: Path) -> dict[str, Any]:
    """The JSON of the answer in a folder of a study.

    Raises:
        OSError, ValueError, TypeError, KeyError, RecursionError: it cannot be read, or is that of
            another study or experiment.
    """
    kept: dict[str, Any] = without_digest(read_json(folder / FILE))
    written_for, expected = (kept["experiment"], kept["study"]), folder.parts[-2:]
    if written_for != expected:
        raise ValueError(f"it is that of the study {'/'.join(map(str, written_for))}")
    return kept


def _texts(answer: Answer) -> Iterator[tuple[str, str]]:
    """File name → text."""
    for table in answer.tables:
        yield f"{slug(table.name)}.csv", table_text(table.frame, "csv")
        yield f"{slug(table.name)}.md", _table_page(table)
    for figure in answer.figures:
        yield f"{slug(figure.name)}.svg", standalone(draw(figure))
    yield PAGE, "\n".join(_page(answer))


def _page(answer: Answer) -> Iterator[str]:
    """The answer as one page of Markdown."""
    yield f"# Study: {answer.study}\n\n{answer.question}\n\n**{escaped(answer.summary)}**\n"
    if answer.findings:
        yield "## Findings\n"
        for finding in answer.findings:
            numbers = numbers_of(finding)
            yield f"- {escaped(finding.text)}" + (f"\n  {escaped(numbers)}" if numbers else "")
        yield ""
    if answer.caveats:
        yield "## Caveats\n"
        yield from (f"- {escaped(text)}" for text in answer.caveats)
        yield ""
    for figure in answer.figures:
        yield f"![{escaped(figure.title)}]({slug(figure.name)}.svg)\n"
    yield from (_table_page(table) for table in answer.tables)


def _table_page(table: StudyTable) -> str:
    notes = "".join(f"{escaped(note)}\n" for note in table.notes)
    return f"## {escaped(table.title)}\n\n{table_text(rounded(table.frame), 'md')}\n{notes}"


def rounded(frame: pd.DataFrame) -> pd.DataFrame:
    """A table of texts for people: four significant digits, – for missing values."""
    rows = [[number(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return pd.DataFrame(rows, columns=list(map(str, frame.columns)), dtype=object)


def number(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, (bool, str)) or type(value).__name__ == "bool":
        return {"True": "yes", "False": "no"}.get(str(value), str(value))
    if value is None or value != value:
        return NOTHING
    if isinstance(value, float) or hasattr(value, "dtype"):
        return str(int(value)) if float(value).is_integer() else f"{float(value):.4g}"
    return str(value)


def estimate_text(estimate: Estimate | None) -> str:
    """An estimate in a line: `1.94 [0.41, 3.42], p = 0.012, n = 9; note`."""
    if estimate is None:
        return ""
    parts = []
    if not math.isnan(estimate.value):
        parts = [number(estimate.value)]
        if not math.isnan(estimate.low):
            parts[0] += f" [{number(estimate.low)}, {number(estimate.high)}]"
        if not math.isnan(estimate.p):
            parts.append(format_p(estimate.p))
        parts.append(f"n = {estimate.n}")
    return "; ".join(filter(None, (", ".join(parts), estimate.note)))


def numbers_of(finding: Finding) -> str:
    """The numbers behind a finding in a line; empty if its sentence contains them."""
    text = estimate_text(finding.estimate)
    return "" if text in finding.text else text
