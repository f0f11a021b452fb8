"""`xstilts status`: progress of the experiments of a store."""

from __future__ import annotations

from xstilts.cli.options import Json, StoreOption


def status(store: StoreOption = None, as_json: Json = False) -> None:
    """Show progress of each experiment, what runs now, and recent events."""
    import xstilts
    from xstilts.api.inputs import open_store
    from xstilts.cli.output.status import show_status
    from xstilts.core.store_layout import OWN_FOLDER

    opened = open_store(store, OWN_FOLDER)
    show_status(opened, xstilts.status(store), as_json=as_json)
