"""Tables that fold at the width of a terminal."""

from __future__ import annotations

import pytest
from rich.text import Text

from xstilts.cli.output.tables import FoldingTable, name, number, text
from xstilts.cli.output.wrapping import wrapped, wrapped_item

NAME = "a-name-of-forty-characters-and-more-of-it"
TABLE = FoldingTable(
    (name("target"), name("setting"), number("gain"), number("score", 1), text("note", 2)),
    (
        ("xnli", NAME, "+2.0", "71.3", "the first of three notes, which is long"),
        ("tydiqa", "mnli", "-1.5", "41.3", ""),
    ),
    "what the columns mean, in as many words as that needs",
)


def lines(table: FoldingTable, width: int) -> list[str]:
    return [line.plain for line in table.lines(width)]


@pytest.mark.parametrize("width", [20, 60, 80, 120])
def test_every_cell_is_shown_in_one_piece_at_any_width(width: int) -> None:
    shown = lines(TABLE, width)
    for word in (NAME, "xnli", "tydiqa", "+2.0", "-1.5", "71.3", "41.3", "mnli"):
        assert any(word in line for line in shown), word
    too_long = [line for line in shown if len(line) > width]
    assert not too_long or (width == 20 and all(NAME in line for line in too_long))


def test_the_least_important_columns_fold_first() -> None:
    header = lines(TABLE, 120)[0].split()
    assert header == ["target", "setting", "gain", "score", "note"]
    assert lines(TABLE, 70)[0].split() == ["target", "setting", "gain", "score"]
    assert lines(TABLE, 60)[0].split() == ["target", "setting", "gain"]
    assert lines(TABLE, 40)[0].split() == ["target"]


def test_a_folded_cell_has_its_title_and_an_empty_one_is_left_out() -> None:
    shown = lines(TABLE, 60)
    assert any("score 71.3" in line for line in shown)
    assert sum("note" in line for line in shown) == 1


def test_numbers_are_aligned_to_the_right() -> None:
    table = FoldingTable((name("a"), number("b")), (("x", "1.0"), ("y", "100.0")))
    header, _, *rows = lines(table, 60)
    assert header.endswith("    b")
    assert [line.endswith(end) for line, end in zip(rows, ("  1.0", "100.0"), strict=True)]


def test_wide_characters_count_as_two() -> None:
    table = FoldingTable((name("a"), number("b")), (("日本語", "1"), ("x", "2")))
    assert [Text(line).cell_len for line in lines(table, 60)[2:]] == [9, 9]


def test_no_cell_controls_the_terminal() -> None:
    table = FoldingTable((name("a"),), (("x\x1b[2J\ny",),))
    assert not any("\x1b" in line for line in lines(table, 60))


def test_an_empty_table_has_its_header() -> None:
    assert lines(FoldingTable((name("a"), number("b")), ()), 60)[0] == "a  b"


def test_items_are_indented_and_words_never_break() -> None:
    item = [line.plain for line in wrapped_item("•", Text(f"one two {NAME} three"), 12)]
    assert item == ["• one two", f"  {NAME}", "  three"]
    units = [line.plain for line in wrapped(Text("mean 95 % of [ ]"), 7)]
    assert units == ["mean", "95 % of", "[ ]"]
