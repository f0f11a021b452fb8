"""A store in which every stage of an experiment is done, without any of its work.

Manifests are those of real stages, with sizes and digests; files are tiny. Scores are made up: they
have the shape of real ones, so that every command reads and computes what it would.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xstilts.analysis.query_groups import GROUPINGS
from xstilts.analysis.run_records import save_record
from xstilts.config.load import LoadedExperiment
from xstilts.core.artifact import MANIFEST
from xstilts.core.hashing import with_digest
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.metrics import METRICS
from xstilts.planning.compile import CompiledPlan, compile_experiment
from xstilts.stages.io.prepared_inputs import INPUTS
from xstilts.stages.io.rows import PREDICTIONS, write_rows
from xstilts.stages.prepare import ROWS
from xstilts.stages.score import SCORES, STATISTICS

EXAMPLES = 4
"""Rows of each test set."""
VARIANTS = 5
"""Different files of scores of one kind."""
Files = Mapping[str, bytes]


def write_store(root: Path, loaded: LoadedExperiment) -> CompiledPlan:
    """Write the artifacts, the record and the journal of an experiment that is done."""
    compiled, store = compile_experiment(loaded), Store(root).prepare()
    with (root / "journal.jsonl").open("w", encoding="utf-8") as journal:
        for stage in compiled.plan.stages:
            _write_artifact(root / "artifacts" / stage.key, stage)
            event = {"event": "done", "key": stage.key, "label": stage.label, "seconds": 1.0}
            journal.write(json.dumps({"time": 1.7e9, **event}) + "\n")
    save_record(loaded, compiled, store)
    return compiled


def _write_artifact(folder: Path, stage: Stage) -> None:
    files, facts = _output(stage)
    folder.mkdir()
    entries = {}
    for name, data in files.items():
        (folder / name).write_bytes(data)
        entries[name] = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest = {
        "key": stage.key,
        "stage": stage.to_json(),
        "files": entries,
        "facts": facts,
        "provenance": {"seconds": 1.0, "published": 1.7e9},
    }
    text = json.dumps(with_digest(manifest), indent=1, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def _output(stage: Stage) -> tuple[Files, Mapping[str, Any]]:
    """Files and facts of a stage."""
    variant = int(stage.key[:8], 16) % VARIANTS
    if stage.kind == "prepare":
        return {ROWS: _rows(), INPUTS: _inputs(stage.key)}, {"rows": EXAMPLES}
    if stage.kind == "mine":
        return {PREDICTIONS: _pairs()}, {"pairs": EXAMPLES, "threshold": 1.0}
    if stage.kind == "score":
        metrics = tuple(stage.params["metrics"])
        names = example_names(stage.params["format"])
        scores = {name: {"value": 0.5 + variant / 50, "n": len(names)} for name in metrics}
        statistics = _statistics(metrics, names, variant)
        files = {SCORES: json.dumps(scores).encode(), STATISTICS: statistics}
        return files, {"scores": scores}
    facts = {"dev_mean": 0.6 + variant / 50} if stage.kind == "train" else {}
    return {"output.bin": bytes(8)}, facts


def _inputs(key: str) -> bytes:
    """Hashes of inputs that no other set has."""
    return b"".join(hashlib.sha256(f"{key} {n}".encode()).digest()[:8] for n in range(EXAMPLES))


@cache
def _rows() -> bytes:
    return parquet([{"id": str(n), "text": "a", "meaning": str(n)} for n in range(EXAMPLES)])


@cache
def example_names(format_name: str, examples: int = EXAMPLES) -> tuple[str, ...]:
    """What the statistics of a format call the rows; of retrieval, the queries of each side."""
    grouping = GROUPINGS.get(format_name)
    prefixes = grouping.prefixes.values() if grouping else ("",)
    return tuple(f"{prefix}{n}" for prefix in prefixes for n in range(examples))


@cache
def _pairs() -> bytes:
    names = [str(n) for n in range(EXAMPLES)]
    return parquet(
        [{"id": name, "prediction": name, "score": 1.0, "repeated": False} for name in names]
    )


@cache
def _statistics(metrics: tuple[str, ...], names: tuple[str, ...], variant: int) -> bytes:
    return parquet(list(_examples(metrics, names, variant)))


def _examples(
    metrics: tuple[str, ...], names: tuple[str, ...], variant: int
) -> Iterator[dict[str, Any]]:
    for metric in metrics:
        for n, name in enumerate(names):
            correct = float((n + variant) % 2)
            values = [correct, *[1.0] * (width(metric) - 1)]
            yield {"metric": metric, "id": name, "statistics": values}


@cache
def width(metric: str) -> int:
    """Statistics per example that a metric's value is computed from."""
    for columns in count(1):
        try:
            METRICS.get(metric).value(np.ones(columns))
        except (IndexError, ValueError):
            continue
        return columns
    raise AssertionError(metric)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """A parquet file of some rows."""
    buffer = pa.BufferOutputStream()
    write_rows(buffer, rows)
    return bytes(buffer.getvalue())
