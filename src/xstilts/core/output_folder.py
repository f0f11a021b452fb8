"""The folder of a file that a user asked for."""

from __future__ import annotations

import errno
import logging
from pathlib import Path

logger = logging.getLogger(__name__)


def make_output_folder(folder: Path) -> None:
    """Make a folder that is not there, and say so; the folder that it is in must be there.

    A mistyped path would else leave a tree of folders somewhere on the disk.

    Raises:
        OSError: it cannot be made.
    """
    if folder.is_dir():
        return
    above = folder.absolute().parent
    if not above.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"there is no folder {above}", str(folder))
    folder.mkdir(exist_ok=True)
    logger.warning("created the folder %s", folder.absolute())
