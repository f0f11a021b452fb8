"""`xstilts claims`: test published claims."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from xstilts.cli.options import (
    ClaimsFile,
    Json,
    OutFile,
    StoreArgument,
)


def claims(
    store: StoreArgument = None,
    path: ClaimsFile = None,
    form: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--format", help="md, json or html  \\[default: a table]"),
    ] = None,
    out: OutFile = None,
    as_json: Json = False,
) -> None:
    """Test published claims against the results of a store.

    Verdicts on results: supported, contradicted, undecided or not testable here. Facts about the
    set-up: met, met in part or not met. See docs/guide/claims.md.
    """
    import xstilts
    from xstilts.api.inputs import check_output, open_store
    from xstilts.cli.output.claims import show_claims
    from xstilts.cli.output.json_output import chosen_format
    from xstilts.core.store_layout import OWN_FOLDER

    form = chosen_format(form, as_json=as_json)
    opened = open_store(store, OWN_FOLDER)
    check_output(out, None, opened)
    show_claims(xstilts.claims(opened, path), form, out, opened)
