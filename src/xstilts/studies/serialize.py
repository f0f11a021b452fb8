"""Answers as JSON, as a store keeps them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from xstilts.analysis.mixed_runs import computed_differently
from xstilts.analysis.results import Facts, facts_in
from xstilts.core.hashing import digest_of
from xstilts.core.store import Store
from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import OWN, Answer, Evidence, Figure, Finding, Series, StudyTable

FILE = "answer.json"
FOLDER = "studies"
VERSION = 3
"""Of the JSON below; of other versions only those of `OLD_NAMES` can be read."""
RULES = 10
"""Of the numbers in answers: increase it if other numbers follow from the same results."""
OLD_NAMES = {2: {"beside": "further_stages", "stands_on": "evidence_digest"}}
"""Version → its key → the present one; everything else in it is the same."""
AXES = ("x", "y", "low", "high")


def evidence_digest(
    results: pd.DataFrame, further: Iterable[str], facts: Facts, store: Store
) -> str:
    """A digest of `RULES`, of all finished stages that a study reads, and of mixed runs.

    If it differs, the answer is outdated.

    Args:
        results: the scores of the experiment as written.
        further: see `further_stages`; unfinished ones do not count.
        store: of these; what its runs were computed with is no part of a digest if it is the same
            for all, as no answer has a note on it then.
    """
    finished = {key for key in further if facts(key) is not None}
    keys = sorted(finished | set(results["key"]))
    return digest_of([RULES, *keys, *computed_differently(keys, store)])


def further_stages(evidence: Evidence) -> list[str]:
    """The stages of variants and measures, finished or not."""
    variants = {cell.key for name, cells in evidence.cells.items() if name for cell in cells}
    return sorted(variants | {key for ref in evidence.measured for key in ref.keys})


def to_json(answer: Answer, evidence: Evidence, files: Sequence[str] = ()) -> dict[str, Any]:
    """The answer with its numbers unrounded; NaN is null.

    Args:
        files: that are written with it, and removed when it is written again.
    """
    further = further_stages(evidence)
    tables = [
        {
            "name": table.name,
            "title": table.title,
            "columns": table.frame.columns.map(str),
            "rows": list(table.frame.itertuples(index=False, name=None)),
            "notes": table.notes,
        }
        for table in answer.tables
    ]
    kept: dict[str, Any] = plain(
        {
            "version": VERSION,
            "study": answer.study,
            "question": answer.question,
            "summary": answer.summary,
            "findings": [asdict(finding) for finding in answer.findings],
            "figures": [asdict(figure) for figure in answer.figures],
            "caveats": answer.caveats,
            "experiment": evidence.loaded.experiment.name,
            "further_stages": further,
            "evidence_digest": evidence_digest(
                evidence.results[OWN], further, evidence.facts, evidence.store
            ),
            "files": files,
            "tables": tables,
        }
    )
    return kept


@dataclass(frozen=True)
class StoredAnswer:
    """An answer that a store keeps.

    Args:
        current: whether the store still has the results that the answer was made from, and
            today's `RULES` made it.
        encoder: that it is about, if the experiment has several and the answer is current.
    """

    answer: Answer
    current: bool
    encoder: str = ""


def from_json(kept: Mapping[str, Any], results: pd.DataFrame, store: Store) -> StoredAnswer:
    """The answer that `to_json` wrote, now or with a version of `OLD_NAMES`.

    Args:
        results: the scores of the experiment as they are now. With several encoders, the answer
            is current if it was made from the scores of one of them.
        store: with these scores and all other stages that the study read.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is of another version or damaged.
    """
    if kept["version"] != VERSION:
        if kept["version"] not in OLD_NAMES:
            raise ValueError(f"version {kept['version']}, not {VERSION}")
        renamed = OLD_NAMES[kept["version"]]
        kept = {renamed.get(name, name): value for name, value in kept.items()}
    facts = facts_in(store)
    parts = {str(name): part for name, part in results.groupby("encoder", sort=False)}
    for encoder, part in parts.items() if len(parts) > 1 else [("", results)]:
        now = evidence_digest(part, kept["further_stages"], facts, store)
        if kept["evidence_digest"] == now:
            return StoredAnswer(_answer(kept), True, encoder)
    return StoredAnswer(_answer(kept), False)


def _answer(kept: Mapping[str, Any]) -> Answer:
    return Answer(
        kept["study"],
        kept["question"],
        kept["summary"],
        tuple(_finding(finding) for finding in kept["findings"]),
        tuple(
            StudyTable(
                table["name"],
                table["title"],
                pd.DataFrame(table["rows"], columns=table["columns"]),
                tuple(table["notes"]),
            )
            for table in kept["tables"]
        ),
        tuple(_figure(figure) for figure in kept["figures"]),
        tuple(kept["caveats"]),
    )


def plain(value: Any) -> Any:
    """A value as JSON: numpy's numbers as Python's, sequences as lists, NaN as null."""
    if isinstance(value, Mapping):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, pd.Index)):
        return [plain(part) for part in value]
    if hasattr(value, "item"):  # numpy
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)


def _finding(kept: Mapping[str, Any]) -> Finding:
    numbers = {name: _nan(value) for name, value in (kept["estimate"] or {}).items()}
    estimate = Estimate(**numbers) if numbers else None
    return Finding(kept["name"], kept["text"], estimate, tuple(kept["keys"]))


def _figure(kept: Mapping[str, Any]) -> Figure:
    series = tuple(
        Series(
            one["name"],
            **{axis: tuple(map(_nan, one[axis])) for axis in AXES},
            labels=tuple(one["labels"]),
            line=one["line"],
        )
        for one in kept["series"]
    )
    return Figure(**{**kept, "series": series, "ticks": tuple(kept["ticks"])})


def _nan(value: Any) -> Any:
    return math.nan if value is None else value
