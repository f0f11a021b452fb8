"""The bootstrap scores all runs together and gives what each run alone would."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.analysis.encoder_bootstrap import bootstrap_scores
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.gain_bootstrap import (
    bootstrap_gains,
    jointly_drawn_scores,
    weighted_sums,
)
from xstilts.analysis.language_intervals import target_intervals
from xstilts.analysis.language_pair import LanguagePair, drawn_pairs
from xstilts.metrics import METRICS
from xstilts.statistics.bootstrap import example_weights, percentiles
from xstilts.statistics.estimate import Floats

DRAWS = 1500
CODES, SEEDS = ("en", "de", "sw"), (0, 1)


def run(name: str, code: str, seed: int, metric: str, whole: bool) -> ExampleScores:
    draw = np.random.default_rng([len(name), CODES.index(code), seed])
    right = draw.integers(2, size=40) if whole else draw.random(40)
    table = np.stack([right, np.ones(40)], axis=1).astype(np.float64)
    ids = tuple(f"{code if code == 'sw' else 'x'}-{place}" for place in range(40))
    return ExampleScores("e", name, "t", code, seed, metric, ids, table)


def one_by_one(
    ours: dict[tuple[str, int], ExampleScores], theirs: dict[tuple[str, int], ExampleScores]
) -> Floats:
    """[draws, seeds] the mean gain over de and sw, each run scored alone."""
    value, total = METRICS.get("accuracy").value, np.zeros((DRAWS, len(SEEDS)))
    for code in ("de", "sw"):
        for block, weights in example_weights(ours[code, 0].ids, DRAWS):
            for place, seed in enumerate(SEEDS):
                pair = (value(weights @ runs[code, seed].statistics) for runs in (ours, theirs))
                total[block, place] += next(pair) - next(pair)
    return total / 2


@pytest.mark.parametrize("whole", [True, False])
def test_shared_draws_change_no_bit(whole: bool) -> None:
    systems = {
        metric: {
            name: {
                (code, seed): run(name, code, seed, metric, whole)
                for code in CODES
                for seed in SEEDS
            }
            for name in ("none", "a", "bc")
        }
        for metric in ("accuracy", "tag_accuracy")
    }
    gains = bootstrap_gains(systems, DRAWS)
    assert set(gains) == set(systems)
    for metric, found in gains.items():
        for name in ("a", "bc"):
            alone = one_by_one(systems[metric][name], systems[metric]["none"])
            assert np.array_equal(found[name], alone)


def test_runs_on_different_examples_are_refused() -> None:
    systems = {name: {("de", 0): run(name, "de", 0, "accuracy", True)} for name in ("none", "a")}
    other = run("a", "sw", 0, "accuracy", True)
    with pytest.raises(ValueError, match="different examples"):
        bootstrap_gains({"accuracy": {**systems, "a": {("de", 0): other}}}, 10)


@pytest.mark.parametrize("largest", [1.0, 2.0**53, 0.1])
def test_sums_of_runs_do_not_depend_on_the_other_runs(largest: float) -> None:
    draw = np.random.default_rng(0)
    tables = draw.integers(-3, 4, size=(5, 30, 2)) * largest
    weights = draw.integers(4, size=(7, 30)).astype(np.float64)
    together = weighted_sums(weights, tables)
    for place, table in enumerate(tables):
        assert np.array_equal(together[:, place], weights @ table)


def few(name: str, predicted: list[float], seed: int = 0) -> ExampleScores:
    """Predictions of three examples, of which a ninth of the draws repeats one only."""
    table = METRICS.get("pearson").statistics([1.0, 2.0, 4.0], predicted, "de")
    return ExampleScores("e", name, "t", "de", seed, "pearson", ("0", "1", "2"), table)


def test_draws_without_a_score_are_no_gain_in_tables_and_languages() -> None:
    runs = [few("none", [4.0, 2.0, 1.0]), few("a", [1.0, 2.0, 5.0])]
    systems = {"pearson": {one.intermediate: {("de", 0): one} for one in runs}}
    gains = bootstrap_gains(systems, 2_000)["pearson"]["a"]
    assert 0.05 < (gains == 0).mean() < 0.2
    (after,) = (one for one in target_intervals(runs, "none", 2_000) if one.intermediate == "a")
    base = float(METRICS.get("pearson").value(runs[0].statistics.sum(0)))
    expected = np.clip(percentiles(gains[:, 0]), -1 - base, 1 - base)
    assert (after.gain_low, after.gain_high) == pytest.approx(tuple(expected))
    assert after.gain_low == pytest.approx(0.0)


def test_compared_runs_show_no_difference_in_draws_without_a_score() -> None:
    partly = few("none", [1.0, 1.0, 2.0])
    pair = LanguagePair({0: few("none", [1.0, 3.0, 2.0])}, {0: partly})
    a, b = drawn_pairs({"de": pair}, "pearson", 2_000)["de"]
    assert not np.isnan(a).any()
    assert not np.isnan(b).any()
    weights = np.concatenate([found for _, found in example_weights(partly.ids, 2_000)])
    undefined = weights[:, 2] % 3 == 0  # only equal predictions are drawn
    assert undefined.any()
    assert np.array_equal(a[undefined], b[undefined])
    none = LanguagePair({0: partly}, {0: few("none", [1.0, 1.0, 1.0])})
    assert np.isnan(drawn_pairs({"de": none}, "pearson", 100)["de"][1]).all()


@pytest.mark.parametrize("file", ["t-{}.tsv", "a:b.{}"])
@pytest.mark.parametrize("header", [0, 1])
def test_rows_without_ids_are_drawn_jointly_in_all_languages(file: str, header: int) -> None:
    first = {"de": 1, "sw": 1 + header}
    systems = {
        name: {
            (code, 0): ExampleScores(
                *("e", name, "t", code, 0, "accuracy"),
                tuple(f"{file.format(code)}:{line}" for line in range(start, start + 40)),
                run(name, "de", 0, "accuracy", True).statistics,
            )
            for code, start in first.items()
        }
        for name in ("none", "a")
    }
    both = bootstrap_gains({"accuracy": systems}, DRAWS)["accuracy"]["a"]
    alone = {name: {("de", 0): found["de", 0]} for name, found in systems.items()}
    assert np.array_equal(both, bootstrap_gains({"accuracy": alone}, DRAWS)["accuracy"]["a"])


def test_ids_of_several_files_are_no_lines() -> None:
    first, second = (
        np.concatenate([found for _, found in example_weights(ids, 10)])
        for ids in (("a:1", "b:2"), ("a:1", "c:2"))
    )
    assert not np.array_equal(first, second)


PARALLEL = ("de", "fr", "sw", "zh")


def parallel(
    metric: str, with_bad_rows: bool, order: int = 1
) -> dict[str, dict[tuple[str, int], ExampleScores]]:
    """Four perfectly parallel languages of 200 rows; with another bad row in each of them.

    Args:
        order: -1 to have the rows of every other language in the opposite order.
    """
    draw = np.random.default_rng(0)
    gold = (
        draw.random(200).tolist() if metric == "spearman" else draw.integers(2, size=200).tolist()
    )
    systems: dict[str, dict[tuple[str, int], ExampleScores]] = {"none": {}, "a": {}}
    for name, runs in systems.items():
        if metric == "spearman":
            predicted = (np.array(gold) + draw.random(200)).tolist()
        else:
            predicted = draw.integers(2, size=200).tolist()
        for place, code in enumerate(PARALLEL):
            kept = [row for row in range(200) if not with_bad_rows or row != 50 * place + 7]
            kept = kept[:: order if place % 2 else 1]
            table = METRICS.get(metric).statistics(
                [gold[row] for row in kept], [predicted[row] for row in kept], code
            )
            ids = tuple(f"q{row}" for row in kept)
            runs[code, 0] = ExampleScores("e", name, "t", code, 0, metric, ids, table)
    return systems


@pytest.mark.parametrize("metric", ["accuracy", "spearman", "accuracy_and_f1"])
@pytest.mark.parametrize(("with_bad_rows", "order"), [(True, 1), (False, -1), (True, -1)])
def test_a_bad_row_and_another_order_do_not_narrow_the_interval_of_a_mean(
    metric: str, with_bad_rows: bool, order: int
) -> None:
    """Four equal languages vary as one does: drawn independently, they varied half as much."""
    whole, other = parallel(metric, False), parallel(metric, with_bad_rows, order)

    def spread(systems: dict[str, dict[tuple[str, int], ExampleScores]]) -> list[float]:
        gains = bootstrap_gains({metric: systems}, 2_000)[metric]["a"]
        encoders = bootstrap_scores(systems, metric, PARALLEL, 2_000)
        pairs = {
            code: LanguagePair({0: systems["none"][code, 0]}, {0: systems["a"][code, 0]})
            for code in PARALLEL
        }
        compared = drawn_pairs(pairs, metric, 2_000).values()
        return [
            float(gains.std()),
            float((encoders["a"] - encoders["none"]).std()),
            float(np.mean([b - a for a, b in compared], axis=0).std()),
        ]

    assert min(spread(whole)) > 0.02
    assert spread(other) == pytest.approx(spread(whole), rel=0.08)


def test_a_draw_without_an_example_of_a_language_is_no_gain_there() -> None:
    """The only row of fr is drawn in 1 − 1/e of the draws of the union."""
    one, all_rows = np.ones((1, 2)), np.ones((40, 2))
    zero = np.array([[0.0, 1.0]])
    ids = {"de": tuple(f"q{row}" for row in range(40)), "fr": ("q3",)}
    systems = {
        name: {
            (code, 0): ExampleScores("e", name, "t", code, 0, "accuracy", ids[code], table)
            for code, table in (("de", all_rows), ("fr", of_fr))
        }
        for name, of_fr in (("none", zero), ("a", one))
    }
    gains = bootstrap_gains({"accuracy": systems}, 2_000)["accuracy"]["a"]
    assert set(gains.ravel()) == {0.0, 0.5}
    assert (gains == 0).mean() == pytest.approx(np.exp(-1), abs=0.05)
    tables = {"de": all_rows[None], "fr": one[None]}
    scores = jointly_drawn_scores(METRICS.get("accuracy"), ids, tables, 2_000)
    assert np.array_equal(np.isnan(scores["fr"]), gains == 0)
    assert not np.isnan(scores["de"]).any()
