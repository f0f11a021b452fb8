"""Files of a model on the Hub, from this machine's cache where they are complete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.core.errors import EncoderError, XstiltsError
from xstilts.models.encoder_source import check_weights


def hub_snapshot(name: str, revision: str, suffixes: Sequence[str], todo: str) -> Path:
    """The folder with a model's files that end so.

    Args:
        todo: what to do if the Hub cannot be reached.

    Raises:
        EncoderError: no such model, no safetensors weights, or the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, RepositoryNotFoundError

    wanted: dict[str, Any] = {
        "repo_id": name,
        "revision": revision,
        "allow_patterns": [f"*{ending}" for ending in suffixes],
    }
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
            f"{name} cannot be downloaded from the hub ({type(error).__name__}: {error})", todo=todo
        ) from error
    check_weights([item.name for item in Path(path).iterdir()], f"hub:{name}")
    return Path(path)
