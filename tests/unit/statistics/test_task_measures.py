"""Measures of tasks and rankings against hand calculation, brute force and other libraries."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.spatial.distance import jensenshannon
from scipy.stats import multivariate_normal
from sklearn.metrics import ndcg_score

from xstilts.core.errors import DataError
from xstilts.statistics.cka import linear_cka
from xstilts.statistics.jensen_shannon import jensen_shannon
from xstilts.statistics.logme import logme
from xstilts.statistics.ranking import ndcg, regret

QUICK = """
import pkgutil, sys, xstilts.statistics as room
for module in pkgutil.iter_modules(room.__path__):
    __import__(f"{room.__name__}.{module.name}")
print(*{"scipy", "statsmodels", "pandas", "torch"} & sys.modules.keys())
"""


def test_slow_packages_are_imported_lazily() -> None:
    found = subprocess.run([sys.executable, "-c", QUICK], capture_output=True, text=True)
    assert (found.returncode, found.stdout.strip()) == (0, "")


TRUE = [0.7, 0.9, 0.6, 0.8]


@pytest.mark.parametrize("k", [None, 2])
def test_ndcg_equals_scikit_learn(k: int | None) -> None:
    predicted = [4, 1, 3, 2]
    assert ndcg(predicted, TRUE, k) == pytest.approx(ndcg_score([TRUE], [predicted], k=k))
    assert ndcg(TRUE, TRUE, k) == 1


def test_regret_equals_hand_calculation() -> None:
    """Chosen in the order 0.7, 0.6, 0.8, 0.9."""
    predicted = [4, 1, 3, 2]
    found = [regret(predicted, TRUE, k) for k in (1, 2, 3, 4)]
    assert found == pytest.approx([100 * 0.2 / 0.9, 100 * 0.2 / 0.9, 100 * 0.1 / 0.9, 0])


def test_a_constant_measure_is_not_rewarded() -> None:
    assert regret([1, 1, 1, 1], TRUE, 1) == pytest.approx(100 * 0.3 / 0.9)
    assert ndcg([1, 1, 1, 1], TRUE) == ndcg([-1 * one for one in TRUE], TRUE) < 1


def test_ranking_metrics_reject_negative_gains() -> None:
    with pytest.raises(ValueError, match="pass scores"):
        ndcg([1, 2], [-0.1, 0.2])
    with pytest.raises(ValueError, match="pass scores"):
        regret([1, 2], [-0.1, 0.0], 1)
    with pytest.raises(ValueError, match="drop them"):
        regret([1, math.nan], [0.1, 0.2], 1)


def brute_force(features: np.ndarray, y: np.ndarray) -> float:
    """The largest log evidence per example, the Gaussian written out."""

    def evidence(logs: np.ndarray) -> float:
        alpha, beta = np.exp(logs)
        spread = np.eye(len(y)) / beta + features @ features.T / alpha
        return -float(multivariate_normal(cov=spread).logpdf(y)) / len(y)

    found = [minimize(evidence, start, method="Nelder-Mead") for start in ([0, 0], [3, 1])]
    return -min(one.fun for one in found)


@pytest.mark.parametrize("shape", [(30, 4), (20, 25)])
def test_logme_maximises_the_evidence(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    features = generator.standard_normal(shape)
    y = features[:, 0] - features[:, 1] + generator.standard_normal(shape[0])
    found = logme(features, y[:, None], rounds=2000, tolerance=1e-10)
    assert found == pytest.approx(brute_force(features, y), abs=1e-4)
    assert logme(features, y[:, None]) <= found + 1e-9


def test_logme_of_classes_averages_one_hot_columns() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(3, size=60)
    features = generator.standard_normal((60, 5))
    assert logme(features, labels) == pytest.approx(logme(features, np.eye(3)[labels]))
    informative = np.concatenate([features, np.eye(3)[labels] + 0.1 * features[:, :3]], axis=1)
    assert logme(informative, labels) > logme(features, labels) + 0.3


def test_logme_rejects_invalid_input() -> None:
    with pytest.raises(DataError, match="one label"):
        logme(np.eye(3), [1, 1, 1])
    with pytest.raises(DataError, match="not finite"):
        logme([[math.nan], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="2 rows"):
        logme([[0.0], [1.0]], [0, 1, 1])
    assert np.isfinite(logme(np.eye(2), [0, 1]))
    assert np.isfinite(logme(np.zeros((4, 2)), [0, 1, 0, 1]))


@pytest.mark.parametrize("shape", [(50, 4), (10, 30)])
def test_cka_equals_normalised_hsic(shape: tuple[int, int]) -> None:
    """tr(KHLH) over the roots of tr(KHKH) and tr(LHLH)."""
    generator = np.random.default_rng(0)
    x, y = generator.standard_normal(shape), generator.standard_normal((shape[0], 6))
    y[:, :3] += x[:, :3]
    centre = np.eye(len(x)) - 1 / len(x)
    k, other = x @ x.T, y @ y.T

    def hsic(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.trace(a @ centre @ b @ centre))

    expected = hsic(k, other) / math.sqrt(hsic(k, k) * hsic(other, other))
    assert linear_cka(x, y) == pytest.approx(expected)


def test_cka_is_invariant_to_rotation_scale_and_shift() -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((40, 5))
    turned, _ = np.linalg.qr(generator.standard_normal((5, 5)))
    assert linear_cka(x, 3 * x @ turned + 7) == pytest.approx(1)
    assert linear_cka(x, x * [100, 1, 1, 1, 1]) < 0.9
    with pytest.raises(DataError, match="collapsed"):
        linear_cka(x, np.full((40, 3), 0.1))
    with pytest.raises(ValueError, match="different sentences"):
        linear_cka(x, x[:-1])


def test_jensen_shannon_equals_the_squared_distance_of_scipy() -> None:
    one, other = Counter("the cat sat on the mat"), Counter("a dog ran over it")
    letters = sorted({*one, *other})
    p, q = ([counts[letter] for letter in letters] for counts in (one, other))
    assert jensen_shannon(one, other) == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert jensen_shannon(one, one) == 0
    assert jensen_shannon({1: 3}, {2: 1}) == 1
    with pytest.raises(DataError, match="without tokens"):
        jensen_shannon({}, {1: 1})
