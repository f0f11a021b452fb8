"""The ranking of encoders: hand-computed numbers, planted differences, and what is not ranked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import isnan

import numpy as np
import pandas as pd
import pytest

from xstilts.analysis.encoder_bootstrap import bootstrap_scores
from xstilts.analysis.encoder_ranking import RankedEncoder, rank_encoders, ranking_table
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.results import COLUMNS
from xstilts.analysis.run_states import RunState
from xstilts.metrics import METRICS
from xstilts.planning.compile import ResultCell
from xstilts.statistics.bootstrap import add_seed_variance, bootstrap_p, example_weights
from xstilts.testing.planted import Planted, experiment

DRAWS = 2000
LOADED = experiment(["none"], ["pawsx", "xnli"])


def planted(encoder: str, effect: float, *, pawsx: float | None = None, **rest: object) -> Planted:
    def gain(setting: str, target: str) -> float:
        return effect if pawsx is None or target == "xnli" else pawsx

    return Planted(LOADED, gain, encoder=encoder, **rest)  # type: ignore[arg-type]


def ranked(
    *encoders: Planted, skip: Sequence[tuple[str, str, str, int]] = (), draws: int = DRAWS
) -> list[RankedEncoder]:
    """The ranking of planted encoders, without some (encoder, target, language, seed)."""
    cells = [cell for one in encoders for cell in one.cells()]
    examples = [score for one in encoders for score in one.outcomes()]
    frame = pd.concat([one.frame(one.outcomes()) for one in encoders])
    columns = zip(*(frame[c] for c in ("encoder", "target", "language", "seed")), strict=True)
    frame = frame.loc[[run not in skip for run in columns]]
    kept = [x for x in examples if (x.encoder, x.target, x.language, x.seed) not in skip]
    choices = {(cell.encoder, cell.target): "none" for cell in cells}
    return rank_encoders(frame, cells, kept, {"none": choices}, draws)


def by_name(rows: Sequence[RankedEncoder], target: str = "xnli") -> dict[str, RankedEncoder]:
    return {row.encoder: row for row in rows if row.target == target}


def test_scores_differences_and_ranks_are_those_computed_by_hand() -> None:
    """Two languages, one seed: a has 3/4 and 2/4 right, b 1/4 and 2/4; English does not count."""
    right = {
        ("a", "de"): [1, 1, 1, 0], ("a", "sw"): [1, 1, 0, 0], ("a", "en"): [0, 0, 0, 0],
        ("b", "de"): [1, 0, 0, 0], ("b", "sw"): [1, 1, 0, 0], ("b", "en"): [1, 1, 1, 1],
    }  # fmt: skip
    ids, cells, examples, rows = ("1", "2", "3", "4"), [], [], []
    for (encoder, code), hits in right.items():
        key = f"{encoder}{code}"
        cells.append(
            ResultCell(encoder, "none", "t", code, "test", 0, ("accuracy",), key, (), False)
        )
        table = np.array([[hit, 1.0] for hit in hits])
        examples.append(ExampleScores(encoder, "none", "t", code, 0, "accuracy", ids, table))
        value = sum(hits) / 4
        rows.append((encoder, "none", "t", code, "test", 0, "accuracy", value, 4, key, frozenset()))
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    choices = {("a", "t"): "none", ("b", "t"): "none"}
    first, second = rank_encoders(frame, cells, examples, {"none": choices}, DRAWS)
    assert (first.encoder, first.score, first.rank, first.difference) == ("a", 0.625, 1, 0)
    assert (second.encoder, second.score, second.rank) == ("b", 0.375, 2)
    assert second.difference == -0.25
    assert (second.languages, second.seeds, second.n, second.targets) == (2, 1, 8, 1)
    assert (first.mean_rank, second.mean_rank) == (1, 2)
    # Examples 2 and 3 separate them, in de only: a draw with k of these in 4 differs by k / 8.
    assert (second.difference_low, second.difference_high) == (-0.5, 0)
    assert isnan(second.p)
    assert not second.tested


def test_a_planted_difference_is_found_and_equal_encoders_share_a_rank() -> None:
    rows = ranked(*(planted(n, e, seeds=range(5)) for n, e in (("a", 0), ("b", 0.2), ("c", 0))))
    found = by_name(rows)
    assert found["b"].rank == 1
    assert found["a"].rank == found["c"].rank == 2.5
    assert found["a"].difference == pytest.approx(-0.2, abs=0.03)
    assert found["a"].difference_high < 0 < found["a"].p_holm < 0.05
    assert found["b"].mean_rank == 1
    assert found["a"].targets == 2


def test_the_p_values_are_corrected_for_all_pairs_on_all_targets() -> None:
    found = by_name(ranked(*(planted(n, e, seeds=range(5)) for n, e in (("a", 0), ("b", 0.3)))))
    assert found["a"].p == pytest.approx(2 / (DRAWS + 1))
    assert found["a"].p_holm == pytest.approx(2 * found["a"].p)  # one pair on two targets


def test_a_large_difference_is_found_among_many_pairs() -> None:
    """With 200 draws the smallest p of four encoders on two targets would be 12 · 2 / 201."""
    weak = (planted(f"weak {number}", 0.0, seeds=range(5), n=50) for number in range(3))
    strong = planted("strong", 0.45, seeds=range(5), n=50)
    found = by_name(ranked(strong, *weak, draws=200))
    assert found["strong"].rank == 1
    assert found["weak 0"].p_holm < 0.05


def test_mean_ranks_average_the_targets() -> None:
    rows = ranked(
        planted("a", 0.3, pawsx=-0.3, seeds=range(4)), planted("b", 0, seeds=range(4))
    )  # fmt: skip
    assert by_name(rows)["a"].rank == 1
    assert by_name(rows, "pawsx")["a"].rank == 2
    assert {row.mean_rank for row in rows} == {1.5}


def test_one_seed_is_ranked_by_score_and_tests_nothing() -> None:
    rows = ranked(planted("a", 0.01, seeds=[0]), planted("b", 0.3, seeds=[0]))
    assert [row.rank for row in by_name(rows).values()] == [1, 2]
    assert all(isnan(row.p) and isnan(row.p_holm) and not row.tested for row in rows)


def test_a_failed_encoder_has_no_rank_and_its_target_no_part_in_mean_ranks() -> None:
    failed = replace(planted("a", 0.4), states={("none", "xnli"): RunState.DIVERGED})
    rows = ranked(failed, planted("b", 0), planted("c", 0.1))
    found = by_name(rows)
    assert isnan(found["a"].rank)
    assert isnan(found["a"].score)
    assert RunState.DIVERGED in found["a"].states
    assert {found[name].rank for name in "bc"} in ({1, 2}, {1.5})
    assert {row.targets for row in rows} == {1}
    assert not isnan(by_name(rows, "pawsx")["a"].mean_rank)


def test_a_target_on_which_every_encoder_failed_has_no_ranks() -> None:
    collapsed = {("none", "xnli"): RunState.COLLAPSED}
    rows = ranked(*(replace(planted(name, 0.1), states=collapsed) for name in "ab"))
    assert all(isnan(row.rank) for row in by_name(rows).values())
    assert by_name(rows).keys() == {"a", "b"}


def test_only_languages_that_all_encoders_have_are_compared() -> None:
    skip = [("a", "xnli", "sw", seed) for seed in (0, 1)]
    found = by_name(ranked(planted("a", 0), planted("b", 0.3), skip=skip))
    assert found["a"].languages == found["b"].languages == 2
    assert RunState.PARTIAL in found["a"].states
    assert RunState.PARTIAL not in found["b"].states


def test_a_target_with_missing_scores_is_partial_and_not_tested() -> None:
    """The same scores without the missing one would be tested."""
    pair = planted("a", 0, seeds=range(4)), planted("b", 0.3, seeds=range(4))
    assert all(row.tested and not row.partial for row in ranked(*pair))
    rows = ranked(*pair, skip=[("a", "xnli", "sw", 3)])
    found = by_name(rows)
    assert all(row.partial and not row.tested for row in found.values())
    assert all(isnan(row.p) and isnan(row.p_holm) for row in found.values())
    assert (found["b"].rank, found["a"].rank) == (1, 2)
    other = by_name(rows, "pawsx")
    assert other["a"].tested
    assert other["a"].p_holm == other["a"].p  # the only test that is left
    assert ranking_table(rows)["partial"].sum() == 2


def test_a_target_on_which_only_one_encoder_has_scores_has_no_ranks_and_is_not_partial() -> None:
    skip = [("b", "xnli", code, seed) for code in ("en", "de", "fi", "sw") for seed in range(4)]
    pair = planted("a", 0, seeds=range(4)), planted("b", 0.3, seeds=range(4))
    found = by_name(ranked(*pair, skip=[*skip, ("a", "xnli", "sw", 3)]))
    assert all(isnan(row.rank) and not row.partial for row in found.values())
    assert RunState.PARTIAL in found["a"].states


def test_encoders_without_any_score_leave_the_others_their_tests() -> None:
    skip = [("c", "xnli", code, seed) for code in ("en", "de", "fi", "sw") for seed in range(4)]
    rows = ranked(*(planted(n, e, seeds=range(4)) for n, e in zip("abc", (0, 0.3, 0), strict=True)),
        skip=skip)  # fmt: skip
    found = by_name(rows)
    assert not isnan(found["a"].p)
    assert isnan(found["c"].rank)
    assert RunState.PARTIAL in found["c"].states


def test_targets_that_one_encoder_lacks_do_not_count_in_mean_ranks() -> None:
    skip = [("a", "xnli", code, seed) for code in ("en", "de", "fi", "sw") for seed in (0, 1)]
    rows = ranked(planted("a", 0), planted("b", 0.3), skip=skip)
    assert {row.targets for row in rows} == {1}
    assert isnan(by_name(rows)["a"].rank)


def test_a_target_in_english_alone_is_ranked_in_english() -> None:
    found = by_name(ranked(*(planted(n, 0, languages=["en"]) for n in "ab")))
    assert {row.languages for row in found.values()} == {1}
    assert not any(isnan(row.rank) for row in found.values())


def test_seeds_of_encoders_are_drawn_independently() -> None:
    """Encoders whose seeds differ alike: paired by seed nothing would vary."""
    generator = np.random.default_rng(0)
    ids = tuple(map(str, range(200)))

    def system(shift: float) -> dict[tuple[str, int], ExampleScores]:
        tables = {}
        for seed, rate in enumerate((0.3, 0.5, 0.7)):
            hits = np.sort(generator.random(200)) < rate + shift
            table = np.stack([hits.astype(float), np.ones(200)], axis=1)
            tables["de", seed] = ExampleScores("e", "none", "t", "de", seed, "accuracy", ids, table)
        return tables

    drawn = bootstrap_scores({"a": system(0), "b": system(0.02)}, "accuracy", ["de"], DRAWS)
    assert np.quantile(drawn["b"] - drawn["a"], 0.9) > 0.1
    assert abs(float(np.corrcoef(drawn["a"], drawn["b"])[0, 1])) < 0.2
    gains = np.random.default_rng(1).normal(size=(DRAWS, 3)) + np.array([0, 5, 9])
    assert (add_seed_variance(gains) == add_seed_variance(gains, "")).all()
    assert (add_seed_variance(gains) != add_seed_variance(gains, "a")).any()


def test_encoders_with_different_test_examples_are_refused() -> None:
    first, second = planted("a", 0).outcomes()[0], planted("b", 0).outcomes()[0]
    other = replace(second, ids=tuple(f"x{name}" for name in second.ids))
    with pytest.raises(ValueError, match="different examples"):
        bootstrap_scores({"a": {("en", 0): first}, "b": {("en", 0): other}}, "accuracy", ["en"], 10)


def test_the_table_has_the_documented_columns() -> None:
    table = ranking_table(ranked(planted("a", 0), planted("b", 0)))
    assert list(table.columns[:5]) == ["ranking", "target", "metric", "encoder", "intermediate"]
    assert table["tested"].dtype == bool
    assert len(ranking_table([]).columns) == len(table.columns)


def test_correlations_are_ranked_and_one_that_is_not_defined_is_not() -> None:
    """Gold 1 to 4; a predicts it, b the reverse, c a constant."""
    gold, ids = np.arange(1.0, 5.0), ("1", "2", "3", "4")
    metric = METRICS.get("pearson")
    cells, examples, rows = [], [], []
    for encoder, predicted in (("a", gold), ("b", -gold), ("c", 0 * gold)):
        cells.append(
            ResultCell(encoder, "none", "t", "de", "test", 0, ("pearson",), encoder, (), False)
        )
        table = metric.statistics(gold, predicted, "de")
        examples.append(ExampleScores(encoder, "none", "t", "de", 0, "pearson", ids, table))
        value = float(metric.value(table.sum(0)))
        rows.append(
            (encoder, "none", "t", "de", "test", 0, "pearson", value, 4, encoder, frozenset())
        )
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    choices = {(name, "t"): "none" for name in "abc"}
    found = by_name(rank_encoders(frame, cells, examples, {"none": choices}, DRAWS), "t")
    assert found["a"].score == pytest.approx(1)
    assert found["b"].score == pytest.approx(-1)
    assert found["b"].difference == pytest.approx(-2)
    assert found["b"].difference_low == pytest.approx(-2)
    assert isnan(found["c"].rank)


@pytest.mark.parametrize(("effect", "least", "most"), [(0.0, 0.0, 0.08), (0.25, 0.9, 1.0)])
def test_equal_encoders_are_seldom_told_apart_and_different_ones_mostly(
    effect: float, least: float, most: float
) -> None:
    """Five seeds each with a standard deviation of 5 points, the same 100 examples for all."""
    generator, found, experiments = np.random.default_rng(3), 0, 150
    ((_, weights),) = example_weights(tuple(map(str, range(100))), 500)
    for _ in range(experiments):
        examples = generator.random(100)
        drawn = []
        for name, rate in (("a", 0.5), ("b", 0.5 + effect)):
            rates = rate + generator.normal(0, 0.05, 5)
            hits = (examples < rates[:, None]).astype(float)
            drawn.append(add_seed_variance(weights @ hits.T / 100, name))
        found += bootstrap_p(drawn[0] - drawn[1]) < 0.05
    assert least <= found / experiments <= most


def test_a_renamed_encoder_with_its_stream_has_the_same_draws() -> None:
    system = {
        (one.language, one.seed): one
        for one in planted("a", 0, seeds=range(3)).outcomes()
        if (one.target, one.language) == ("xnli", "de")
    }
    before, after, other = (
        bootstrap_scores({name: system}, "accuracy", ["de"], DRAWS, streams)[name]
        for name, streams in (("a", {}), ("renamed", {"renamed": "a"}), ("renamed", {}))
    )
    assert np.array_equal(before, after)
    assert not np.array_equal(before, other)
