"""Names and codes that stand for a language of the table."""

from __future__ import annotations

import pytest

from xstilts.languages.metadata import language
from xstilts.languages.spellings import OTHER_CODES, SCRIPTS, spelled_language
from xstilts.tasks.multilingual import belebele, sib200

FLORES = sorted({*belebele.FLORES.items(), *sib200.FLORES.items()})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        *((text, "pt") for text in ("pt", "PT", "por", "Portuguese", "pt_BR", "pt-br", "por_Latn")),
        *((text, "zh") for text in ("zh-CN", "zh_Hans", "zh-Hans-CN", "zho", "chi", "cmn_Hans")),
        *((text, "zh-Hant") for text in ("zh-TW", "zh_HK", "zho_Hant", "zh-hant")),
        *((text, "hi-Latn") for text in ("hin_Latn", "hi-latn")),
        *(("es-419", "es"), ("en_XX", "en"), ("arb_Arab", "ar"), ("iw", "he"), ("no", "nb")),
    ],
)
def test_usual_codes_and_names_stand_for_a_language(text: str, code: str) -> None:
    found = spelled_language(text)
    assert found
    assert found.code == code


@pytest.mark.parametrize("text", ["", "xx", "sr-Latn", "python", "en-x-twain", "candidates", "e"])
def test_others_stand_for_none(text: str) -> None:
    assert spelled_language(text) is None


@pytest.mark.parametrize(("code", "flores"), FLORES)
def test_the_codes_of_flores_stand_for_the_languages_that_tasks_give_them(
    code: str, flores: str
) -> None:
    found = spelled_language(flores)
    assert found
    assert found.code == code


def test_other_codes_are_those_of_languages_in_the_table() -> None:
    for code, own in OTHER_CODES.items():
        assert language(own).name != own
        assert language(code).name == code
    assert {language(code).script for code, _ in FLORES} <= {*SCRIPTS.values()}
