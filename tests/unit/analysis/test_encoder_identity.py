"""Across experiments, an encoder has its published name and not the label of one experiment."""

import pytest

from xstilts.analysis.encoder_identity import name_of_source, plans_by_encoder
from xstilts.core.plan import Plan
from xstilts.core.stage import Stage
from xstilts.planning.compile import CompiledPlan, ResultCell


def compiled(**sources: dict[str, str]) -> CompiledPlan:
    """A plan with one score for each label."""
    stages, cells = [], []
    for label, source in sources.items():
        encoder = Stage("encoder", 1, {"source": source}, {})
        score = Stage("score", 1, {"of": label}, {"encoder": encoder.key})
        stages += [encoder, score]
        cells.append(
            ResultCell(label, "none", "t", "de", "test", 0, ("accuracy",), score.key, (), False)
        )
    return CompiledPlan(Plan.of(stages), tuple(cells))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({"from": "hub", "name": "org/model"}, "org/model"),
        ({"from": "package"}, "e5-small-packaged"),
        ({"from": "folder"}, "label"),
        ({}, "label"),
    ],
)
def test_published_names(source: dict[str, str], name: str) -> None:
    assert name_of_source(source, "label") == name


def test_each_encoder_has_its_own_cells_and_stages() -> None:
    found = plans_by_encoder(
        compiled(A={"from": "hub", "name": "org/a"}, B={"from": "folder", "files": "x"})
    )
    assert list(found) == ["org/a", "B"]
    assert [len(part.plan.stages) for part in found.values()] == [2, 2]
    assert [cell.encoder for part in found.values() for cell in part.cells] == ["org/a", "B"]


def test_two_variants_of_one_encoder_keep_their_labels() -> None:
    source = {"from": "hub", "name": "org/a"}
    assert list(plans_by_encoder(compiled(slow=source, fast=source))) == ["slow", "fast"]
