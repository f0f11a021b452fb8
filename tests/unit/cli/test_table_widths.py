"""Every table of the commands keeps names and numbers in one piece on narrow and wide terminals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import pytest

from xstilts.claims.subject import Subject
from xstilts.cli.output import claims, plan, recommend, scores, status
from xstilts.cli.output.gains import score_table
from xstilts.cli.output.tables import Column, ColumnKind, FoldingTable, framed

LONG = "squad+commonsenseqa+cosmosqa+ccg"
ENCODER = "intfloat/multilingual-e5-small"
RESULT = {
    "encoder": ENCODER, "target": "home-slots-actions", "intermediate": LONG, "metric": "span_f1",
    "language": "de", "seed": 0, "value": 0.3712, "states": frozenset(),
}  # fmt: skip


def of_frame(columns: Mapping[str, Column], *cells: str) -> FoldingTable:
    return framed(pd.DataFrame([cells], columns=list(columns)), columns)


def of_results() -> FoldingTable:
    other = {**RESULT, "encoder": "FacebookAI/xlm-roberta-base", "value": 0.2734}
    return score_table(pd.DataFrame([RESULT, other, {**other, "language": "sw", "seed": 1}]))


def of_rows(columns: Sequence[Column], *cells: str) -> FoldingTable:
    return FoldingTable(columns, [cells])


TABLES = {
    "plan": of_rows(
        plan.STAGE_COLUMNS,
        f"train {LONG} > tydiqa-goldp seed 0", "blocked", "1 h 10 min", "1.2 GB",
        "its input train squad seed 0 failed: the parameter learning_rate changed",
    ),
    "plan by kind": of_rows(plan.KIND_COLUMNS, "choose-recipe", "1,234", "1,000", "12 h", "3 GB"),
    "status": of_rows(
        status.COLUMNS,
        "mini-glue-stilts@2e9a4108-c0a267", "2026-03-01 14:05", "50,123", "48,000", "2,000",
        "123", f"seeds 0, 1; encoder.name {ENCODER}; limits.train 500", ENCODER,
    ),
    "results": of_results(),
    "claims": of_frame(
        claims.COLUMNS[Subject.RESULTS],
        "stilts-help-question-answering", "contradicted",
        "Training on English questions first helps question answering in other languages",
        "gain on xquad +2.1 [+0.4, +3.9]; gain on mlqa -1.0 [-2.2, +0.1]",
        "mini-xtreme-r",
    ),
    "facts about the set-up": of_frame(
        claims.COLUMNS[Subject.SETUP],
        "nine-intermediate-tasks-in-english", "met in part",
        "Nine intermediate tasks, each in English only",
        "two of the nine tasks are missing",
        "mini-xtreme-r",
    ),
    "recommend": of_frame(
        recommend.COLUMNS,
        "1", LONG, "+10.2", "[+7.1, +13.4]",
        "results on 3 other targets (other encoders among them)",
        "1 h 10 min", "12.5", "not enough seeds for an interval",
    ),
    "evaluate": of_rows(
        scores.COLUMNS, "home-slots-actions", "mean without en", "span_f1", "37.5",
        "[27.3, 47.1]", "12,345",
    ),
}  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("command", TABLES)
def test_names_and_numbers_stay_in_one_piece(command: str, width: int) -> None:
    table = TABLES[command]
    lines = [line.plain for line in table.lines(width)]
    words = {word.strip(";:,") for line in lines for word in line.split()}
    assert [line for line in lines if len(line) > width] == []
    for row in table.rows:
        for column, cell in zip(table.columns, map(str, row), strict=True):
            if column.kind is ColumnKind.TEXT:
                assert {word.strip(";:,") for word in cell.split()} <= words
            else:
                assert any(cell in line for line in lines), cell
