"""Shared by the unit tests: a tiny encoder."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.models.encoder_import import import_encoder
from xstilts.testing.tiny import write_encoder


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny encoder in the store's layout; do not write to it."""
    folder = tmp_path_factory.mktemp("encoder")
    import_encoder(write_encoder(folder / "hf"), folder)
    return folder
