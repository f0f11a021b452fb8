"""Licences and citations of encoder and data."""

from __future__ import annotations

import pandas as pd
import pytest

import xstilts
from xstilts.config.load import LoadedExperiment
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
