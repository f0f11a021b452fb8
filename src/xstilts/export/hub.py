"""Upload of an exported folder to the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.core.errors import XstiltsError


class HubError(XstiltsError):
    """The hub cannot be reached, or refuses an upload."""


def check_repository(name: str) -> None:
    """Check a name before anything is written.

    Raises:
        HubError: it is no OWNER/NAME or NAME.
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise HubError(str(error), where="--push", todo="give OWNER/NAME") from error


def push_folder(
    folder: Path, name: str, *, private: bool = False, is_kept: bool = True, api: Any = None
) -> str:
    """Upload a folder as a model repository, which is created if there is none; return its URL.

    Args:
        is_kept: whether the folder stays after an error, for the message.
        api: a `huggingface_hub.HfApi`; by default with the token of this machine.

    Raises:
        HubError: no network, no token, or no permission.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError, OfflineModeIsEnabled

    api = api or HfApi()
    try:
        created = api.create_repo(name, repo_type="model", private=private, exist_ok=True)
        api.upload_folder(
            repo_id=getattr(created, "repo_id", name),
            repo_type="model",
            folder_path=folder,
            commit_message="Upload model by xstilts",
        )
    except (OfflineModeIsEnabled, LocalTokenNotFoundError, HfHubHTTPError) as error:
        raise _refused(name, folder if is_kept else None, error) from error
    except (OSError, RuntimeError) as error:  # connection errors of httpx are neither of the above
        raise _refused(name, folder if is_kept else None, error) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] in ("httpx", "httpcore", "requests"):
            raise _refused(name, folder if is_kept else None, error) from error
        raise
    return str(created)


def _refused(name: str, folder: Path | None, error: Exception) -> HubError:
    again = (
        f"the folder stays: hf upload {name} {folder}" if folder else "--to DIR keeps the folder"
    )
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return HubError(
        f"{name} was not uploaded: {reason}",
        where="--push",
        todo=f"connect to the network and run `hf auth login`; {again}",
    )
