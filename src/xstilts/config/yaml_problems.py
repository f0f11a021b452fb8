"""Errors of the YAML parser in plain words."""

from __future__ import annotations

import re
import sys

import yaml

from xstilts.core.errors import ConfigError

QUOTE_BRACES = 'put a value that contains { or } in quotes, such as "{data}/{split}.tsv"'
PROBLEMS = (
    (r"found character '\\t'", "a tab, which YAML does not allow here", "indent with spaces"),
    (
        r"found character '(.)' that cannot start",
        r"a value cannot begin with \1",
        "put the value in quotes",
    ),
    (
        "mapping values are not allowed",
        "a ':' where no key can be",
        "check the indentation, or put a value that contains ': ' in quotes",
    ),
    (r"undefined alias '?([^']*)'?", r"*\1 is used, but &\1 is not defined above", None),
    (r"duplicate anchor '?([^']*?)'?(;|$)", r"&\1 is defined twice", None),
    (
        "unexpected end of stream|found unexpected document separator",
        "a quote that is not closed",
        None,
    ),
    (
        r"expected ',' or",
        "a { or [ that is not closed, or a comma is missing",
        QUOTE_BRACES,
    ),
    (
        "but found another document|but found the start of another|expected a single document",
        "a second document, after '---'",
        "keep one experiment per file",
    ),
    (
        r"could not find expected ':'",
        "a key without ':', or text after a value",
        "check the indentation, or put the value in quotes",
    ),
    (
        "expected <block end>|expected the node content|did not find expected",
        "the nesting is not valid here",
        "check the indentation, brackets and quotes of this line and the one above",
    ),
    ("expected alphabetic or numeric", "an anchor (&) or alias (*) without a name", None),
    (
        "unknown escape character",
        "an unknown escape in a quoted text",
        "use single quotes for texts with backslashes",
    ),
    ("undefined tag handle|expected a tag|expected '!'", "an invalid tag", None),
)
"""(problem of the parser, its meaning, what to do): the first that matches is used."""


def yaml_error(error: yaml.YAMLError, text: str, origin: str) -> ConfigError:
    """A parser error with file, line, meaning and what to do."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        character = error.character if isinstance(error.character, int) else 0
        return ConfigError(
            f"not YAML: the control character U+{character:04X}",
            where=f"{origin}:{line}",
            todo="remove it",
        )
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    number = mark.line if mark else 0
    problem = str(getattr(error, "problem", None) or error)
    what, todo = _meaning(problem)
    lines = text.splitlines()
    near = lines[number] if number < len(lines) else ""
    if re.search(r"(^|[:\s\[,-])\{[\w]*\}\S", near):
        todo = QUOTE_BRACES
    return ConfigError(f"not YAML: {what}", where=f"{origin}:{number + 1}", todo=todo)


def escape_error(text: str, origin: str) -> ConfigError:
    """The error of an escape above U+10FFFF, which stands for no character."""
    escapes = re.finditer(r"\\U([0-9a-fA-F]{8})", text)
    start = next((match.start() for match in escapes if int(match[1], 16) > sys.maxunicode), 0)
    line = text.count("\n", 0, start) + 1
    return ConfigError("not YAML: an escape above U+10FFFF", where=f"{origin}:{line}")


def _meaning(problem: str) -> tuple[str, str | None]:
    for pattern, what, todo in PROBLEMS:
        if match := re.search(pattern, problem):
            return match.expand(what), todo
    return "the line cannot be read", "check the indentation, brackets and quotes"
