"""Two experiments compared where runs failed, are missing or have no defined score."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from xstilts.analysis.comparison import (
    MEAN,
    ComparedExperiment,
    Comparison,
    ScoreDifference,
    compare_experiments,
)
from xstilts.analysis.example_scores import ExampleScores
from xstilts.analysis.language_pair import LanguagePair, drawn_pairs, of_common_seeds
from xstilts.cli.output.compare import is_clear, show_comparison
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.core.store import Store
from xstilts.metrics import METRICS
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.comparison_page import comparison_page, interval_picture, verdict
from xstilts.stages.score import STATISTICS, write_statistics
from xstilts.statistics.estimate import Floats

N = 200
ROWS = Stage("prepare", 1, {"task": "mine"})
GOLD = np.random.default_rng(7).normal(size=N)
Runs = Mapping[tuple[str, int], Floats | None]
"""(language, seed) → statistics; None for a run without a score."""


def experiment(
    name: str,
    folder: Path,
    runs: Runs,
    metric: str = "accuracy",
    facts: Mapping[int, Mapping[str, Any]] | None = None,
    first_ids: Mapping[str, int] | None = None,
) -> ComparedExperiment:
    """An experiment on one target whose trainings and scores are published.

    Args:
        facts: seed → facts of its training.
        first_ids: language → number of its first scored example, 0 by default.
    """
    store = Store(folder / name).prepare()
    stages, cells = [ROWS], []
    for (language, seed), table in runs.items():
        training = Stage("train", 1, {"experiment": name, "seed": seed})
        params = {"experiment": name, "language": language, "seed": seed}
        score = Stage("score", 1, params, {"rows": ROWS.key, "model": training.key})
        stages += [training, score]
        if table is not None or (facts or {}).get(seed):
            with store.staging(training.key) as staged:
                store.publish(training, staged, (facts or {}).get(seed, {}), {})
        if table is not None:
            with store.staging(score.key) as staged:
                first = (first_ids or {}).get(language, 0)
                ids = [str(number) for number in range(first, first + N)]
                write_statistics(staged / STATISTICS, ids, {metric: table})
                store.publish(score, staged, {}, {})
        cells.append(
            ResultCell(
                "encoder", "none", "mine", language, "test", seed, (metric,), score.key,
                (training.key,), False,
            )
        )  # fmt: skip
    return ComparedExperiment(name, {}, CompiledPlan(Plan.of(stages), tuple(cells)), store)


def accuracy(share: float) -> Floats:
    """Statistics of a share of right answers."""
    right = np.arange(N) < round(share * N)
    return np.stack([right.astype(float), np.ones(N)], axis=1)


def pearson(noise: float, seed: int = 0) -> Floats:
    """Statistics of predictions with noise; equal ones if the noise is infinite."""
    random = np.random.default_rng(seed).normal(size=N)
    predicted = np.full(N, 3.0) if np.isinf(noise) else GOLD + noise * random
    return METRICS.get("pearson").statistics(list(GOLD), list(predicted), "de")


def row(comparison: Comparison, language: str) -> ScoreDifference:
    (found,) = (one for one in comparison.scores if one.language == language)
    return found


def unpaired(comparison: Comparison) -> list[tuple[str, str]]:
    return [(one.language, one.reason) for one in comparison.unpaired]


def correlated(folder: Path, equal_in: Sequence[str] = ()) -> Comparison:
    """B's second seed has equal predictions in some of three languages."""
    codes = ("en", "de", "fr")
    a = {(code, seed): pearson(1.0, seed) for code in codes for seed in (0, 1)}
    b = {(code, seed): pearson(0.1, seed) for code in codes for seed in (0, 1)}
    b |= {(code, 1): pearson(np.inf) for code in equal_in}
    sides = (experiment(name, folder, runs, "pearson") for name, runs in (("A", a), ("B", b)))
    return compare_experiments(*sides, draws=200)


def test_a_large_difference_is_significant_among_many_targets(tmp_path: Path) -> None:
    """With 200 draws the smallest p of ten targets would be 10 · 2 / 201."""
    sides = []
    for name, share in (("A", 0.0), ("B", 1.0)):
        one = experiment(name, tmp_path, {("de", seed): accuracy(share) for seed in (0, 1)})
        cells = one.compiled.cells
        many = tuple(replace(cell, target=f"t{n}") for n in range(10) for cell in cells)
        sides.append(replace(one, compiled=replace(one.compiled, cells=many)))
    found = compare_experiments(*sides, draws=200).means
    assert len(found) == 10
    assert all(mean.significant for mean in found)


def test_a_mean_with_an_undefined_score_is_not_tested(tmp_path: Path) -> None:
    comparison = correlated(tmp_path, equal_in=["fr"])
    mean = row(comparison, MEAN)
    assert 0 < mean.a < 1
    assert all(map(isnan, (mean.b, mean.difference, mean.low, mean.high, mean.p, mean.p_holm)))
    assert not mean.significant
    assert mean.languages == 2
    assert [one.language for one in comparison.scores] == [MEAN, "en", "de"]
    assert row(comparison, "de").difference > 0
    ((language, reason),) = unpaired(comparison)
    assert language == "fr"
    assert reason.startswith("B has no score")


def test_an_undefined_score_in_english_leaves_the_mean_of_the_others(tmp_path: Path) -> None:
    comparison = correlated(tmp_path / "equal", equal_in=["en"])
    assert [language for language, _ in unpaired(comparison)] == ["en"]
    assert row(comparison, MEAN) == row(correlated(tmp_path / "defined"), MEAN)


def test_a_target_without_any_defined_score_is_not_compared(tmp_path: Path) -> None:
    comparison = correlated(tmp_path, equal_in=["en", "de", "fr"])
    assert comparison.scores == ()
    assert [language for language, _ in unpaired(comparison)] == ["en", "de", "fr"]


def test_a_mean_without_a_score_is_shown_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    comparison = correlated(tmp_path, equal_in=["fr"])
    page = comparison_page(comparison)
    assert "nan" not in page
    assert "<circle" not in interval_picture(row(comparison, MEAN), 1.0)
    assert "B has no score" in page
    show_comparison(comparison, None)
    shown = capsys.readouterr().out
    assert "nan" not in shown
    assert "B has no score" in shown
    show_comparison(comparison, None, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert found["scores"][0]["p"] is None
    assert found["scores"][0]["significant"] is False
    assert found["unpaired"][0]["language"] == "fr"


@pytest.mark.parametrize(
    ("fact", "scored", "state"),
    [({"diverged": "step 3"}, False, "diverged"), ({"collapsed": True}, True, "collapsed")],
)
def test_a_target_with_a_failed_run_is_not_compared(
    tmp_path: Path, fact: Mapping[str, Any], scored: bool, state: str
) -> None:
    a = {("de", seed): accuracy(0.5) for seed in range(3)}
    b = {("de", seed): accuracy(0.7) for seed in range(2)}
    b |= {("de", 2): accuracy(0.3) if scored else None}
    first, second = experiment("A", tmp_path, a), experiment("B", tmp_path, b, facts={2: fact})
    for sides in ((first, second), (second, first)):
        comparison = compare_experiments(*sides, draws=200)
        assert comparison.scores == ()
        assert unpaired(comparison) == [("", f"B: seed 2 {state}")]
    assert f"seed 2 {state}" in comparison_page(comparison)


def test_unfinished_seeds_are_counted_and_the_others_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = {("de", seed): accuracy(0.5) for seed in range(3)}
    b: Runs = {("de", 0): accuracy(0.7), ("de", 1): accuracy(0.7), ("de", 2): None}
    sides = experiment("A", tmp_path, a), experiment("B", tmp_path, b)
    comparison = compare_experiments(*sides, draws=200)
    mean = row(comparison, MEAN)
    assert mean.difference == pytest.approx(0.2)
    assert (mean.a_seeds, mean.b_seeds) == (2, 2)
    assert mean.low > 0
    assert all(one.partial for one in comparison.scores)
    assert isnan(mean.p)
    assert not mean.significant
    assert "partial" in verdict(mean)
    assert unpaired(comparison) == [("de", "B has 2 of 3 seeds")]
    assert "2 of 3 seeds" in comparison_page(comparison)
    show_comparison(comparison, None)
    assert "2 of 3 seeds" in capsys.readouterr().out


def test_only_significant_means_and_differences_of_several_seeds_are_coloured(
    tmp_path: Path,
) -> None:
    shown = {}
    for seeds in (1, 3):
        sides = (
            experiment(f"{side}{seeds}", tmp_path, {
                ("de", seed): accuracy(share) for seed in range(seeds)
            })
            for side, share in (("A", 0.5), ("B", 0.7))
        )  # fmt: skip
        comparison = compare_experiments(*sides, draws=200)
        assert all(one.low > 0 for one in comparison.scores)
        shown[seeds] = [is_clear(one) for one in comparison.scores]
        corrected = replace(row(comparison, MEAN), significant=False)
        assert not is_clear(corrected)
    assert shown == {1: [False, False], 3: [True, True]}


@pytest.mark.parametrize("languages", [("de", "fr"), ("fr",)])
def test_a_language_whose_common_examples_are_not_scored_is_named(
    tmp_path: Path, languages: tuple[str, ...]
) -> None:
    """Both have the same rows, and the scored ones of each are without gold in the other."""
    a = {(code, seed): accuracy(0.5) for code in languages for seed in (0, 1)}
    b = {(code, seed): accuracy(0.7) for code in languages for seed in (0, 1)}
    comparison = compare_experiments(
        experiment("A", tmp_path, a), experiment("B", tmp_path, b, first_ids={"fr": N}), draws=50
    )
    ((language, reason),) = unpaired(comparison)
    assert (language, "has gold answers in both" in reason) == ("fr", True)
    compared = [code for code in languages if code != "fr"]
    assert [one.language for one in comparison.scores] == [MEAN, *compared][: 2 * len(compared)]
    assert all(one.n == N and one.difference == pytest.approx(0.2) for one in comparison.scores)


@pytest.mark.parametrize(("metric", "largest"), [("accuracy", 1.0), ("pearson", 2.0)])
def test_intervals_end_at_possible_differences(tmp_path: Path, metric: str, largest: float) -> None:
    if metric == "accuracy":
        tables = [accuracy(share) for share in (0.50, 0.60, 0.75, 0.62)]
    else:
        tables = [pearson(noise) for noise in (9.0, 0.1, 0.1, 9.0)]
    a, b = (
        {("de", seed): table for seed, table in enumerate(of)} for of in (tables[:2], tables[2:])
    )
    sides = experiment("A", tmp_path, a, metric), experiment("B", tmp_path, b, metric)
    comparison = compare_experiments(*sides, draws=1000)
    for one in comparison.scores:
        assert (one.low, one.high) == (-largest, largest)


def test_the_state_of_a_run_is_that_of_its_trainings(tmp_path: Path) -> None:
    one = experiment("A", tmp_path, {("de", 0): accuracy(0.5)}, facts={0: {"collapsed": True}})
    (cell,) = one.compiled.cells
    assert one.states(cell) == {"collapsed"}
    assert one.states(replace(cell, trained_by=())) == frozenset()


def of_shares(folder: Path, a: Mapping[str, Any], b: Mapping[str, Any]) -> Comparison:
    """Two experiments of language → seed → share of right answers, None without a score."""
    sides = (
        experiment(
            name,
            folder,
            {
                (code, seed): None if share is None else accuracy(share)
                for code, seeds in of.items()
                for seed, share in seeds.items()
            },
        )
        for name, of in (("A", a), ("B", b))
    )
    return compare_experiments(*sides, draws=200)


def test_a_comparison_without_all_languages_is_not_tested(tmp_path: Path) -> None:
    seeds = {0: 0.5, 1: 0.5}
    better = {0: 0.8, 1: 0.8}
    done = of_shares(tmp_path / "1", {"de": seeds, "fr": seeds}, {"de": better, "fr": better})
    assert row(done, MEAN).significant
    assert not row(done, MEAN).partial
    nothing = {0: None, 1: None}
    part = of_shares(tmp_path / "2", {"de": seeds, "fr": seeds}, {"de": better, "fr": nothing})
    mean = row(part, MEAN)
    assert (mean.partial, mean.significant, mean.languages) == (True, False, 1)
    assert isnan(mean.p)
    other = of_shares(tmp_path / "3", {"de": seeds, "fr": nothing}, {"de": better})
    assert row(other, MEAN).significant  # only one of them is meant to have French


def test_english_is_no_mean_of_other_languages_that_have_no_score(tmp_path: Path) -> None:
    seeds, none = {0: 0.5, 1: 0.5}, {0: None, 1: None}
    better = {0: 0.8, 1: 0.8}
    part = of_shares(tmp_path / "1", {"en": seeds, "de": seeds}, {"en": better, "de": none})
    mean = row(part, MEAN)
    assert isnan(mean.difference)
    assert (mean.languages, mean.significant) == (0, False)
    assert row(part, "en").difference == pytest.approx(0.3)
    assert "nan" not in comparison_page(part)
    alone = of_shares(tmp_path / "2", {"en": seeds, "de": seeds}, {"en": better})
    assert row(alone, MEAN).difference == pytest.approx(0.3)


def test_different_seeds_are_never_paired_while_runs_are_missing(tmp_path: Path) -> None:
    a = {"de": {0: 0.5, 1: 0.6}, "fr": {0: 0.5, 1: None}}
    b = {"de": {0: 0.5, 1: 0.6}, "fr": {0: None, 1: 0.9}}
    comparison = of_shares(tmp_path, a, b)
    assert row(comparison, MEAN).difference == 0
    assert (row(comparison, "de").a_seeds, row(comparison, "de").b_seeds) == (2, 2)
    assert ("fr", "no seed has a score in both yet") in unpaired(comparison)


def test_english_leaves_the_other_languages_their_seeds(tmp_path: Path) -> None:
    seeds = {"en": {0: 0.5, 1: None}, "de": {0: None, 1: 0.5}, "fr": {0: None, 1: 0.5}}
    comparison = of_shares(tmp_path, seeds, seeds)
    assert row(comparison, MEAN).languages == 2
    assert ("en", "other seeds than the rest") in unpaired(comparison)


def test_seeds_that_are_not_paired_are_kept_apart_from_paired_ones() -> None:
    runs = {
        seed: ExampleScores("e", "none", "t", "de", seed, "accuracy", ("1",), np.ones((1, 2)))
        for seed in range(4)
    }
    of = LanguagePair(runs, runs)
    pairs = {
        "ar": of.of_seeds({0, 1}, {2, 3}),
        "de": replace(of, paired_seeds=True, same_runs=True),
        "fr": replace(of.of_seeds({0, 1}, {0, 1}), paired_seeds=True),
    }
    kept, left_out = of_common_seeds(pairs)
    assert left_out == ["ar"]
    assert [list(pair.a) for pair in kept.values()] == [[0, 1], [0, 1]]
    assert all(pair.a.keys() == pair.b.keys() for pair in kept.values())


def test_ranks_are_those_among_the_common_examples() -> None:
    """Spearman's ranks among all examples give another correlation of a part of them."""
    draw = np.random.default_rng(1)
    gold = np.exp(draw.normal(size=60))
    predicted = [gold + np.exp(draw.normal(size=60)) for _ in range(2)]

    def scores(of: Floats, n: int) -> ExampleScores:
        table = METRICS.get("spearman").statistics(list(gold[:n]), list(of[:n]), "de")
        ids = tuple(map(str, range(n)))
        return ExampleScores("e", "none", "t", "de", 0, "spearman", ids, table)

    pair = LanguagePair({0: scores(predicted[0], 60)}, {0: scores(predicted[1], 20)})
    wanted = [float(spearmanr(gold[:20], of[:20]).statistic) for of in predicted]
    assert pair.values("spearman") == pytest.approx(wanted)
    a, b = drawn_pairs({"de": pair}, "spearman", 200)["de"]
    assert (np.median(a), np.median(b)) == pytest.approx(wanted, abs=0.1)
