"""How measures of intermediate tasks go along with gains; the points are tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from xstilts.statistics.association import associate, partial
from xstilts.statistics.estimate import NAN, Estimate, join_notes, missing_estimate
from xstilts.statistics.multiple_testing import benjamini_hochberg, holm
from xstilts.statistics.permutation import DRAWS

UNMEASURED = "not measured"


@dataclass(frozen=True)
class Association:
    """How one measure goes along with the gain on one target.

    Args:
        given: Spearman's correlation given the covariates.
        p_holm, q: of Spearman's, by Holm and by Benjamini & Hochberg, over the family that
            `corrected` was given.
    """

    target: str
    measure: str
    spearman: Estimate
    kendall: Estimate
    given: Estimate
    p_holm: float = NAN
    q: float = NAN

    @property
    def found(self) -> bool:
        """Whether Spearman's correlation is found after Holm's correction."""
        return replace(self.spearman, p=self.p_holm).significant


def associated(
    target: str,
    measure: str,
    gain: pd.Series[float],
    measured: pd.DataFrame,
    covariates: Sequence[str] = (),
    draws: int = DRAWS,
) -> Association:
    """The association of a measure with a gain.

    Args:
        gain: by task; tasks without one may be missing or NaN.
        measured: [tasks, measures], the covariates among them; NaN where not measured.
        draws: permutations behind each p value.
    """
    points = measured.reindex(gain.index)
    if points[measure].isna().all():
        unknown = missing_estimate(0, UNMEASURED)
        return Association(target, measure, unknown, unknown, unknown)
    x, y = (one.to_numpy(dtype=np.float64) for one in (points[measure], gain))
    return Association(
        target,
        measure,
        associate(x, y, "spearman", draws),
        associate(x, y, "kendall", draws),
        _given(x, y, points[list(covariates)], draws),
    )


def _given(x: ArrayLike, y: ArrayLike, covariates: pd.DataFrame, draws: int) -> Estimate:
    missing = [str(name) for name in covariates if covariates[name].isna().all()]
    if missing or covariates.empty:
        return missing_estimate(
            len(covariates), join_notes([f"{name} is {UNMEASURED}" for name in missing])
        )
    return partial(x, y, {str(name): covariates[name] for name in covariates}, draws)


def corrected(rows: Sequence[Association]) -> list[Association]:
    """The same, corrected for having looked at all of them."""
    p = np.array([row.spearman.p for row in rows], dtype=np.float64)
    found = zip(rows, holm(p), benjamini_hochberg(p), strict=True)
    return [replace(row, p_holm=float(one), q=float(other)) for row, one, other in found]


def association_frame(rows: Iterable[Association]) -> pd.DataFrame:
    """One row each; estimates as their value, `_low`, `_high` and `_p`."""
    return pd.DataFrame([_row(row) for row in rows])


def _row(row: Association) -> dict[str, object]:
    return {
        "target": row.target,
        "measure": row.measure,
        "n": row.spearman.n,
        **spelled("spearman", row.spearman),
        "p_holm": row.p_holm,
        "q": row.q,
        **spelled("kendall", row.kendall),
        **spelled("partial", row.given),
        "note": row.spearman.note
        or join_notes([f"partial: {row.given.note}" if row.given.note else ""]),
    }


def spelled(name: str, estimate: Estimate) -> dict[str, float]:
    """An estimate as columns of a table."""
    return {
        name: estimate.value,
        f"{name}_low": estimate.low,
        f"{name}_high": estimate.high,
        f"{name}_p": estimate.p,
    }
