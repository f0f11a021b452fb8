"""Judge published claims by the results of a store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xstilts.analysis.run_records import newest
from xstilts.api.inputs import AnyStore, open_store
from xstilts.core.errors import ConfigError
from xstilts.core.store_layout import OWN_FOLDER
from xstilts.core.store_snapshot import StoreSnapshot

if TYPE_CHECKING:
    from xstilts.claims.judge import Judgement


def claims(store: AnyStore | None = None, path: Path | str | None = None) -> tuple[Judgement, ...]:
    """The verdict on each published claim about results, and facts about the set-up.

    Verdicts: supported, contradicted, undecided or not testable here. A claim about the set-up has
    none: it is met, met in part or not met.

    The evidence is the newest run of each experiment with each encoder; effects are between 0
    and 1.

    Args:
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        path: a YAML file of claims; by default those of Phang et al. 2020 (arXiv 2005.13013).

    Raises:
        ConfigError: with file and line; or no experiment was run in the store.
    """
    from xstilts.claims.evidence import evidence_of
    from xstilts.claims.judge import judge
    from xstilts.claims.schema import load_claims
    from xstilts.reports.eval_splits import nonstandard_splits

    loaded, snapshot = load_claims(path), StoreSnapshot(open_store(store, OWN_FOLDER))
    evidence = [
        evidence_of(name, compiled, snapshot, nonstandard_splits(compiled))
        for name, compiled in newest(snapshot)
    ]
    if not evidence:
        raise ConfigError(
            f"no experiment was run in {snapshot.root}", todo="xstilts run quickstart --store DIR"
        )
    return judge(loaded, evidence)
