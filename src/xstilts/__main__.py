"""`python -m xstilts` is `xstilts`."""

from __future__ import annotations

from xstilts.cli.app import main

main()
