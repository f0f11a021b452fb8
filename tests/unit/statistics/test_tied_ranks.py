"""Ranks with ties, on tables that can be checked by hand."""

import pytest

from xstilts.statistics.tied_ranks import tied_ranks


@pytest.mark.parametrize(
    ("scores", "apart", "ranks"),
    [
        ([0.5, 0.9, 0.7], "all", [3, 1, 2]),
        ([0.5, 0.9, 0.7], "none", [2, 2, 2]),
        ([0.5, 0.9, 0.9], "all", [3, 1.5, 1.5]),
        ([0.9, 0.8, 0.7, 0.6], {(0, 2), (0, 3), (1, 3), (2, 3)}, [1.5, 1.5, 3, 4]),
    ],
)
def test_ranks_and_their_ties(scores: list[float], apart: object, ranks: list[float]) -> None:
    def differs(better: int, worse: int) -> bool:
        return apart == "all" or (isinstance(apart, set) and (better, worse) in apart)

    assert list(tied_ranks(scores, differs)) == ranks


def test_a_tie_that_is_not_transitive_is_split_at_the_leader_that_differs() -> None:
    # 0 ~ 1 and 1 ~ 2, but 0 is better than 2: 2 leads the next group, although 1 ~ 2.
    assert list(tied_ranks([0.9, 0.8, 0.7], lambda a, b: (a, b) == (0, 2))) == [1.5, 1.5, 3]
