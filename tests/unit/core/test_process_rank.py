"""The time limit of the processes that divide a training."""

from __future__ import annotations

import pytest

from xstilts.api.run_options import RunOptions
from xstilts.core.errors import ConfigError
from xstilts.core.process_rank import DEFAULT_TIMEOUT, TIMEOUT, timeout_seconds


@pytest.mark.parametrize(("text", "seconds"), [("", DEFAULT_TIMEOUT), ("90", 90.0), ("1.5", 1.5)])
def test_the_variable_sets_the_limit(text: str, seconds: float) -> None:
    assert timeout_seconds({TIMEOUT: text}) == seconds
    assert timeout_seconds({}) == DEFAULT_TIMEOUT


@pytest.mark.parametrize("text", ["10 min", "0", "-1", "nan", "inf"])
def test_another_text_is_refused_before_a_run_that_divides_trainings(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TIMEOUT, text)
    with pytest.raises(ConfigError) as error:
        _ = RunOptions(devices="cpu", devices_per_stage=2).worker_count
    assert TIMEOUT in str(error.value.where)
    assert RunOptions(devices="cpu").worker_count
