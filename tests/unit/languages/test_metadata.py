"""The table of languages, and docs/extending/language.md."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from xstilts.languages import language, suite
from xstilts.languages.metadata import TABLE, language_named

PAGE = Path(__file__).parents[3] / "docs" / "extending" / "language.md"
COLUMNS = 7


def test_suites_have_their_published_sizes() -> None:
    """XTREME: 40 languages (arXiv 2003.11080); XTREME-R: 50 (arXiv 2104.07412), a superset."""
    xtreme, larger = ({one.code for one in suite(name)} for name in ("xtreme", "xtreme-r"))
    assert (len(xtreme), len(larger)) == (40, 50)
    assert xtreme < larger
    assert len(suite("home")) == 31
    assert suite("nothing") == ()


def test_languages_are_found_by_either_code() -> None:
    german = language("de")
    assert (german.name, german.script, german.genus) == ("German", "Latin", "Germanic")
    assert language("deu") == german
    assert language("qq").name == "qq"


def test_a_language_in_a_second_script_is_an_entry_of_its_own() -> None:
    assert (language("zh").script, language("hi-Latn").script) == ("Han", "Latin")
    assert language("zh-Hant").name == "Chinese (traditional)"
    assert [language(code).code for code in ("zho", "hin", "ara")] == ["zh", "hi", "ar"]
    assert language("bzd").suites == ()


def test_every_language_has_all_fields() -> None:
    for one in {*suite("home"), *suite("xtreme-r")}:
        assert all((one.code, one.iso3, one.name, one.script, one.family, one.genus))
        assert len(one.code) == 2
        assert len(one.iso3) == 3


def test_rows_are_sorted_and_complete() -> None:
    table = resources.files("xstilts.languages") / TABLE
    _, *rows = [line.split("\t") for line in table.read_text("utf-8").splitlines()]
    codes = [code for code, *_ in rows]
    assert codes == sorted(set(codes))
    assert [row for row in rows if len(row) != COLUMNS or not all(row[:-1])] == []


def test_the_documented_row_is_a_new_and_complete_one() -> None:
    (row,) = re.findall(r"^ {4}(.*⇥.*)$", PAGE.read_text("utf-8"), re.MULTILINE)
    code, iso3, name, *rest = row.split("⇥")
    assert len(rest) == COLUMNS - 3
    assert language(code).name == code
    assert language(iso3).name == iso3
    assert language_named(name) is None
