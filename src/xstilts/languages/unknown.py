"""Errors of languages that data do not have."""

from __future__ import annotations

import difflib
from collections.abc import Collection

from xstilts.core.errors import UnknownNameError
from xstilts.languages.metadata import language
from xstilts.languages.spellings import spelled_language


def unknown_language(
    kind: str, given: str, known: Collection[str], where: str | None = None
) -> UnknownNameError:
    """The error of a language that is not among the known ones.

    Another spelling, such as `german`, `deu` or `de-AT`, is taken for the known one. If the given
    code is that of a language, and a similar known one is not, the latter is named as the probable
    typo.

    Args:
        kind: what the language was to be, such as `language of the targets`.
    """
    error = UnknownNameError(kind, given, known, where=where)
    named = spelled_language(given)
    if named and named.code in known:
        error.todo = f"did you mean {named.code!r}, the code of {named.name}?"
    elif named and (meant := [code for code in sorted(known) if spelled_language(code) == named]):
        error.todo = f"did you mean {meant[0]!r}, which is {named.name} too?"
    elif _is_code(given):
        others = [code for code in known if not _is_code(code)]
        near = difflib.get_close_matches(given, others, n=1, cutoff=0.5)
        typo = f"; {near[0]!r} is the code of no known language: is it a typo?" if near else ""
        error.todo = f"known: {', '.join(sorted(known)) or 'none'}{typo}"
    return error


def _is_code(text: str) -> bool:
    """Whether a text is the code of a language in the table."""
    return language(text).name != text
