"""The number of bootstrap draws for p values that are corrected over many tests."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.statistics.bootstrap import DRAWS, MOST_DRAWS, draws_for
from xstilts.statistics.multiple_testing import holm


@pytest.mark.parametrize("tests", [1, 50, 99, 250, 312])
def test_three_draws_on_the_other_side_of_zero_leave_a_test_significant(tests: int) -> None:
    draws = draws_for(tests)
    assert draws >= DRAWS
    assert holm(np.array([2 * (1 + 3) / (draws + 1), *[1.0] * (tests - 1)]))[0] < 0.05


@pytest.mark.parametrize(("tests", "significant"), [(1_250, True), (1_251, False)])
def test_the_number_of_draws_is_limited(tests: int, significant: bool) -> None:
    assert draws_for(tests) == MOST_DRAWS
    smallest = np.array([2 / (MOST_DRAWS + 1), *[1.0] * (tests - 1)])
    assert (holm(smallest)[0] < 0.05) == significant
