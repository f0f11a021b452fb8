"""The study of docs/extending/study.md: planted effects are found, missing data are reported."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from xstilts.studies.base import OWN, Answer, Study
from xstilts.testing.planted import Planted, experiment

PAGE = Path(__file__).parents[3] / "docs" / "extending" / "study.md"
MIXTURES = ("mnli+qqp", "mnli+piqa", "qqp+piqa", "copa+sick")
LOADED = experiment(("none", "mnli", "qqp", "piqa", "copa", "sick", *MIXTURES), ("xnli", "xcopa"))


@pytest.fixture(scope="module")
def study() -> Study:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    module = ModuleType("mixtures")
    exec(compile(found[1], str(PAGE), "exec"), module.__dict__)
    assert isinstance(module.STUDY, Study)
    return module.STUDY


def estimates(answer: Answer) -> dict[str, float]:
    return {one.name: one.estimate.value for one in answer.findings if one.estimate}


def test_the_documented_study_finds_a_planted_effect(study: Study) -> None:
    def gain(setting: str, target: str) -> float:
        return 0.05 + 0.04 * ("+" in setting and target == "xnli") if setting != "none" else 0.0

    assert study.needs(LOADED).variants == {}
    answer = study.answer(Planted(LOADED, gain, noise=0.002).evidence())
    found = estimates(answer)
    assert found["mixtures-xnli"] == pytest.approx(4, abs=0.5)
    assert found["mixtures-xcopa"] == pytest.approx(0, abs=0.5)
    assert "on xnli: +4" in answer.summary
    assert set(answer.tables[0].frame["target"]) == {"xnli", "xcopa"}


def test_the_documented_study_uses_one_metric(study: Study) -> None:
    evidence = Planted(LOADED, lambda *_: 0.0).evidence()
    frame = evidence.results[OWN]
    other = frame.assign(metric="f1", value=100 * frame["value"])
    both = replace(evidence, results={OWN: pd.concat([frame, other], ignore_index=True)})
    assert estimates(study.answer(both)) == estimates(study.answer(evidence))


def test_the_documented_study_reports_missing_data(study: Study) -> None:
    single = experiment(("none", "mnli", "qqp", "mnli+qqp"), ("xnli",))
    answer = study.answer(Planted(single, lambda *_: 0.0).evidence())
    assert "not enough data" in answer.summary
    assert "1 of at least 2" in answer.summary
    missing = frozenset((name, "xnli") for name in single.experiment.intermediate)
    nothing = study.answer(Planted(single, lambda *_: 0.0, missing=missing).evidence())
    for found in (answer, nothing):
        assert "nan" not in found.summary
        assert not any("nan" in one.text for one in found.findings)
