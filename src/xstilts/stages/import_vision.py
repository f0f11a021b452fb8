"""`import-vision`: the vision tower of tasks with images, in the store's own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError
from xstilts.models.hub_snapshot import hub_snapshot
from xstilts.models.vision.tower_source import SUFFIXES, tower_digests
from xstilts.stages.base import StageContext


def run(context: StageContext) -> dict[str, Any]:
    """Bring the tower into the store; facts: its source.

    Raises:
        EncoderError: not reachable, not supported, or files that have changed since the plan.
    """
    from xstilts.models.vision.tower_files import import_packaged, import_tower

    source = context.params["source"]
    output = {name: context.params[name] for name in ("states", "grid") if name in context.params}
    if source["from"] == "package":
        import_packaged(context.folder, output)
    elif source["from"] == "hub":
        todo = "connect to the network, or give `vision` a folder"
        folder = hub_snapshot(source["name"], source["revision"], SUFFIXES, todo)
        import_tower(folder, context.folder, output, f"hub:{source['name']}")
        context.notes.append(f"snapshot {folder.name}")
    else:
        folder = Path(context.stage.context["folder"])
        import_tower(folder, context.folder, output)
        if tower_digests(folder) != source["files"]:
            raise EncoderError(
                "the tower's files have changed since the plan was made",
                where=str(folder),
                todo="run again: the plan is then made from the changed files",
            )
    return {"source": source}
