"""Licences and citations of encoder and data."""

from __future__ import annotations

import pandas as pd
import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
from xstilts.core.stage import Stage
from xstilts.planning.compile import compile_experiment
from xstilts.reports.encoder_citations import encoder_citation
from xstilts.reports.sources import sources_section
from xstilts.tasks import TASKS


def table(loaded: LoadedExperiment) -> pd.DataFrame:
    section = sources_section(loaded.experiment, compile_experiment(loaded).plan.stages)
    assert section
    assert section.wraps
    return section.table.set_index("name")


def test_packaged_tasks_have_the_licence_and_citation_of_their_spec() -> None:
    found = table(xstilts.load("quickstart"))
    spec = TASKS.get("home-slots-actions")
    assert spec.licence
    assert found.loc["home-slots-actions", "licence"] == spec.licence
    assert found.loc["home-slots-actions", "citation"] == spec.citation
    assert "test: " in found.loc["home-slots-actions", "use"]


def test_every_task_of_the_plan_is_listed_once() -> None:
    loaded = xstilts.load("quickstart")
    names = list(table(loaded).index)
    assert len(names) == len(set(names))
    stages = compile_experiment(loaded).plan.stages
    assert {stage.params["task"] for stage in stages if stage.kind == "prepare"} <= set(names)


def test_own_tasks_have_the_licence_of_the_experiment(small: LoadedExperiment) -> None:
    assert table(small).loc["toy-kind", "licence"] == "not known"
    licensed = xstilts.load(small.origin, ["tasks.toy-kind.licence=CC0-1.0"])
    row = table(licensed).loc["toy-kind"]
    assert (row["licence"], row["source"]) == ("CC0-1.0", "files of the user")


def test_what_a_language_is_searched_in_is_not_counted_as_a_language() -> None:
    of_language = {"tatoeba": ["de", "en:de", "sw", "en:sw"], "mewsli-x": ["de", "candidates"]}
    of_language["lareqa-xquad-r"] = ["de", "en", "candidates:de", "candidates:en"]
    stages = [
        Stage("prepare", 1, {"task": task, "split": "test", "language": code}, {}, label=code)
        for task, codes in of_language.items()
        for code in codes
    ]
    section = sources_section(xstilts.load("quickstart").experiment, stages)
    assert section
    uses = section.table.set_index("name")["use"]
    assert uses.to_dict() == {
        "tatoeba": "test: de, sw", "mewsli-x": "test: de", "lareqa-xquad-r": "test: de, en"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("source", "licence", "part"),
    [
        ({"from": "package"}, "MIT", "2402.05672"),
        ({"from": "hub", "name": "FacebookAI/xlm-roberta-base"}, "MIT", "1911.02116"),
        ({"from": "hub", "name": "someone/model"}, "see its card", ""),
        ({"from": "folder"}, "not known", ""),
    ],
)
def test_an_encoder_has_the_licence_of_its_card(
    source: dict[str, str], licence: str, part: str
) -> None:
    found = encoder_citation(source, "mine")
    assert found.licence == licence
    assert part in found.citation
    assert bool(found.citation) == bool(part)
