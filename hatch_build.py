"""The long description of the package: README.md with links that also work outside the repository.

The address of the repository is $XSTILTS_REPOSITORY, or `Repository` among the project's URLs.
Without either, relative links become their text: a package index would show them broken.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)]+)\)")


def with_absolute_links(text: str, repository: str, revision: str) -> str:
    """A Markdown text whose relative links lead to files of the repository.

    Args:
        repository: address, such as https://host/owner/name; empty if unknown.
        revision: commit, branch or tag that the files are shown at.
    """

    def absolute(match: re.Match[str]) -> str:
        mark, label, path = match.groups()
        if not repository:
            return "" if mark else label
        kind = "raw" if mark else "blob"
        return f"{mark}[{label}]({repository.rstrip('/')}/{kind}/{revision}/{path})"

    return LINK.sub(absolute, text)


class ReadmeHook(MetadataHookInterface):
    """Sets the field `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Read README.md and make its links absolute."""
        urls = metadata.get("urls", {})
        repository = os.environ.get("XSTILTS_REPOSITORY") or urls.get("Repository", "")
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        revision = os.environ.get("XSTILTS_REVISION", "main")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(text, repository, revision),
        }
