"""Parts of a study's answer by name."""

from __future__ import annotations

import pandas as pd

from xstilts.statistics.estimate import Estimate
from xstilts.studies.base import Answer


def estimate_of(answer: Answer, name: str) -> Estimate:
    """The estimate of a finding, which has one."""
    found = next(finding.estimate for finding in answer.findings if finding.name == name)
    assert found is not None
    return found


def table_of(answer: Answer, name: str) -> pd.DataFrame:
    """The frame of a table."""
    return next(table.frame for table in answer.tables if table.name == name)
