"""The files of a checkpoint, and whether they are those that were written; needs no torch."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from xstilts.core.hashing import digest_of, digest_of_file

TENSORS, FACTS = "state.safetensors", "state.json"
STEP = re.compile(r"step-(0|[1-9]\d*)")
"""The name of a checkpoint's folder."""
STAGED = re.compile(r"\.staged\.\d+")
"""The same until it is complete."""


def checked_facts(path: Path, key: str) -> dict[str, Any]:
    """The JSON of a checkpoint's folder, once its digests and those of the tensors match.

    Args:
        key: of its stage.

    Raises:
        ValueError, KeyError, RecursionError: they do not, or it is that of another stage or step.
        OSError: a file is missing or cannot be read.
    """
    saved = json.loads((path / FACTS).read_text(encoding="utf-8"))
    if not isinstance(saved, dict):
        raise ValueError(f"{FACTS} is not a JSON object")
    digest = saved.pop("self")
    if digest != digest_of(saved) or f"step-{saved['step']}" != path.name:
        raise ValueError(f"the digest of {FACTS} does not match")
    if saved.get("key", key) != key:
        raise ValueError(f"it is that of another stage, {saved['key'][:12]}")
    if digest_of_file(path / TENSORS) != saved["tensors"]:
        raise ValueError(f"the digest of {TENSORS} does not match")
    return saved
