"""Stages that cost nothing, of an installed package that worker processes import."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage

CODE = '''
import fcntl
import hashlib
import time
from pathlib import Path

from xstilts.stages.base import StageKind


def run(context):
    """Write files whose bytes follow from the key and the inputs, and note who else does."""
    settings = context.stage.context
    logs = Path(settings["logs"])
    with (logs / context.stage.key).open("a") as log:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            (logs / f"overlap {context.stage.label}").touch()
        log.write("started\\n")
        log.flush()
        digest = hashlib.sha256(context.stage.key.encode())
        for role in sorted(context.inputs):
            digest.update(context.inputs[role].read("last"))
        for name in ("first", "last"):
            (context.folder / name).write_bytes(digest.digest() * 500)
            digest.update(name.encode())
            time.sleep(settings["seconds"] / 2)
        while not (logs / "gate").exists():
            time.sleep(0.01)
    return {"digest": digest.hexdigest()}


TOY = StageKind(1, run)
'''


def install_toy_stages(folder: Path) -> Path:
    """Write the package with the kind of stages; returns the folder for PYTHONPATH."""
    info = folder / "toy_stages-1.dist-info"
    info.mkdir(parents=True)
    (folder / "toy_stages.py").write_text(CODE, encoding="utf-8")
    (info / "METADATA").write_text("Name: toy-stages\nVersion: 1\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[xstilts.stages]\ntoy-stage = toy_stages:TOY\n")
    return folder


def toy_plan(count: int, logs: Path, seconds: float, seed: int = 0) -> Plan:
    """Stages of which each needs up to two of the eight before it.

    Args:
        logs: an existing folder; a stage waits at its end until the folder has a file `gate`, and
            a file `overlap LABEL` appears there if two processes run one stage at the same time.
        seconds: that a stage takes; no part of its key.
    """
    draw = random.Random(seed)
    context: dict[str, Any] = {"logs": str(logs), "seconds": seconds}
    stages: list[Stage] = []
    for number in range(count):
        needed = draw.sample(stages[-8:], min(len(stages), draw.randrange(3)))
        inputs = {f"input {role}": stage.key for role, stage in enumerate(needed)}
        params = {"number": number, "seed": seed}
        label = f"stage {number}"
        stages.append(Stage("toy-stage", 1, params, inputs, label, context=context))
    return Plan.of(stages)
