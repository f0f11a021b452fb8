"""Dev scores in the logs of trainings, and the languages of training data in a report."""

from __future__ import annotations

from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.training_languages import training_languages
from xstilts.reports.training_logs import dev_scores


def test_dev_evaluations_without_scores_are_left_out() -> None:
    evaluations = [
        {"step": 2, "scores": {}},
        {"step": 4, "scores": {"a": 0.2, "b": 0.4}},
    ]
    ((step, score),) = dev_scores(evaluations)
    assert step == 4
    assert abs(score - 0.3) < 1e-12


def compiled() -> CompiledPlan:
    """One training on English, German and French data; the French data are translated."""
    rows = {
        code: Stage("prepare", 1, {"task": "toy", "language": code}, {}) for code in ("en", "de")
    }
    russian = Stage("prepare", 1, {"task": "toy", "language": "ru"}, {})
    french = Stage("translate", 1, {"target": "fr"}, {"rows": rows["en"].key})
    inputs = {
        "train:toy:de": rows["de"].key,
        "train:toy:en": rows["en"].key,
        "train:toy:fr": french.key,
        "dev:toy:ru": russian.key,
    }
    train = Stage("train", 1, {"tasks": {"toy": {}}, "seed": 0}, inputs)
    cell = ResultCell(
        *("tiny", "none", "toy", "en", "test", 0), ("accuracy",), train.key, (train.key,), False
    )
    return CompiledPlan(Plan.of([*rows.values(), russian, french, train]), (cell,))


def test_languages_of_training_data_are_read_from_the_plan() -> None:
    plan = compiled()
    keys = plan.cells[0].trained_by
    assert training_languages(plan, keys) == ("German", "English", "French (translated)")
    assert training_languages(plan, []) == ()
