"""An answer as JSON, and back: what a store keeps of a study."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from xstilts.analysis.results import Facts
from xstilts.core.hashing import digest_of
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import OWN, Answer, Evidence, Figure, Finding, Series, StudyTable

FILE = "answer.json"
FOLDER = "studies"
VERSION = 2
"""Of the form below; an answer of another one cannot be read and must be given again."""


def stands_on(results: pd.DataFrame, beside: Iterable[str], facts: Facts) -> str:
    """A digest of what there is of all that a study reads: another one, another answer.

    Args:
        results: the scores of the experiment as written.
        beside: see `beside_of`; those that are not finished do not count.
    """
    finished = {key for key in beside if facts(key) is not None}
    return digest_of(sorted(finished | set(results["key"])))


def beside_of(evidence: Evidence) -> list[str]:
    """The stages of variants and measures, finished or not."""
    variants = {cell.key for name, cells in evidence.cells.items() if name for cell in cells}
    return sorted(variants | {key for one in evidence.measured for key in one.keys})


def to_json(answer: Answer, evidence: Evidence, files: Sequence[str] = ()) -> dict[str, Any]:
    """The answer with its numbers unrounded; NaN is null.

    Args:
        files: that were written with it, and go when it is written anew.
    """
    tables = [
        {
            "name": table.name,
            "title": table.title,
            "columns": list(map(str, table.frame.columns)),
            "rows": [[plain(value) for value in row] for row in _rows(table.frame)],
            "notes": list(table.notes),
        }
        for table in answer.tables
    ]
    kept = {
        "study": answer.study,
        "question": answer.question,
        "summary": answer.summary,
        "findings": [asdict(one) for one in answer.findings],
        "figures": [asdict(one) for one in answer.figures],
        "caveats": list(answer.caveats),
        "experiment": evidence.loaded.experiment.name,
        "beside": beside_of(evidence),
        "stands_on": stands_on(evidence.results[OWN], beside_of(evidence), evidence.facts),
        "files": list(files),
    }
    return {
        "version": VERSION,
        **{name: plain(value) for name, value in kept.items()},
        "tables": tables,
    }


def from_json(kept: Mapping[str, Any]) -> Answer:
    """The answer that `to_json` wrote.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is of another version or damaged.
    """
    if kept["version"] != VERSION:
        raise ValueError(f"version {kept['version']}, not {VERSION}")
    return Answer(
        study=kept["study"],
        question=kept["question"],
        summary=kept["summary"],
        findings=tuple(_finding(one) for one in kept["findings"]),
        tables=tuple(
            StudyTable(
                one["name"],
                one["title"],
                pd.DataFrame(one["rows"], columns=one["columns"]),
                tuple(one["notes"]),
            )
            for one in kept["tables"]
        ),
        figures=tuple(_figure(one) for one in kept["figures"]),
        caveats=tuple(kept["caveats"]),
    )


def plain(value: Any) -> Any:
    """A value as JSON has it: numpy's numbers as Python's, tuples as lists, NaN as null."""
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if hasattr(value, "item"):  # numpy
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _rows(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(frame.itertuples(index=False, name=None))


def _finding(kept: Mapping[str, Any]) -> Finding:
    found = kept["estimate"]
    numbers: dict[str, Any] = {
        name: math.nan if one is None else one for name, one in (found or {}).items()
    }
    estimate = Estimate(**numbers) if found else None
    return Finding(kept["name"], kept["text"], estimate, tuple(kept["keys"]))


def _figure(kept: Mapping[str, Any]) -> Figure:
    series = tuple(
        Series(
            one["name"],
            **{name: _numbers(one[name]) for name in ("x", "y", "low", "high")},
            labels=tuple(one["labels"]),
            line=one["line"],
        )
        for one in kept["series"]
    )
    return Figure(**{**kept, "series": series, "ticks": tuple(kept["ticks"])})


def _numbers(kept: list[float | None]) -> tuple[float, ...]:
    return tuple(math.nan if value is None else value for value in kept)
