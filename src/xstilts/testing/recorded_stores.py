"""Small stores of toy stages with records of experiments, written without running anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from xstilts.analysis.run_records import FOLDER
from xstilts.core.atomic_io import write_json
from xstilts.core.hashing import digest_of, with_digest
from xstilts.core.stage import Stage
from xstilts.core.store import Store


def toy_stage(number: int, inputs: Mapping[str, str] | None = None) -> Stage:
    """A stage of a kind that nothing runs."""
    return Stage("toy", 1, {"number": number}, inputs or {}, label=f"toy {number}")


def publish(store: Store, stage: Stage, files: Mapping[str, bytes] | None = None) -> Path:
    """Publish a stage with some files; return the artifact's folder."""
    with store.staging(stage.key) as staged:
        for name, data in (files or {"file.bin": stage.key.encode()}).items():
            (staged / name).parent.mkdir(exist_ok=True)
            (staged / name).write_bytes(data)
        return store.publish(stage, staged, {}, {"seconds": 1.0}).path


def record(store: Store, experiment: str, stages: Iterable[Stage]) -> Path:
    """Write the record of an experiment without result cells."""
    kept = [stage.to_json() for stage in stages]
    digest = digest_of([stage["params"] for stage in kept])[:8]
    path = store.root / FOLDER / f"{experiment}@{digest}-{digest}.json"
    content = {"version": 1, "experiment": {}, "text": "", "stages": kept, "cells": []}
    write_json(path, with_digest(content))
    return path
