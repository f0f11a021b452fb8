"""Finished trainings that seem to be of a GPU, for tests of notes on mixed runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from xstilts.core.artifact import MANIFEST
from xstilts.core.hashing import with_digest


def record_gpu(store: Path, keys: Iterable[str]) -> None:
    """Let the manifests of stages say that an H100 computed them in bf16."""
    for key in keys:
        path = store / "artifacts" / key / MANIFEST
        manifest = json.loads(path.read_text("utf-8"))
        manifest.pop("self")
        manifest["provenance"] |= {"gpu": "H100", "notes": ["computed in bf16"]}
        path.write_text(json.dumps(with_digest(manifest)), "utf-8")
