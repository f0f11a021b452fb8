"""YAML files as trees of values, with file and line of every value.

Scalars are read as in YAML 1.2, where `no`, `yes`, `on` and `off` are texts; keys are always texts.
Files that cannot be meant as an experiment (cycles, values that multiply by aliases, deep nesting)
are refused before anything is built from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from xstilts.config.yaml_problems import escape_error, yaml_error
from xstilts.core.errors import ConfigError

Location = tuple[str | int, ...]
Lines = dict[Location, str]
"""Path in a tree → `FILE:LINE`, or `OVERRIDE`."""
OVERRIDE = "--set"
OPTIONS: dict[Location, str] = {("data",): "--data", ("encoder", "name"): "--encoder"}
"""Keys with options of their own on the command line."""

MAX_DEPTH, MAX_VALUES, MAX_CHARACTERS = 40, 50_000, 1_000_000
"""Limits of nesting, of values after aliases are replaced, and of a file's length."""
MAX_DIGITS = 1000
_TAG = "tag:yaml.org,2002:"
MERGE = "<<"
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""Half of a UTF-16 pair; YAML escapes can write it, and no file can hold it."""


class LeadingZero(str):
    """An unquoted number with a leading zero, such as 010: octal in YAML 1.1, decimal in 1.2."""

    __slots__ = ()


class _Loader(yaml.SafeLoader):
    """Composes nodes; its resolvers differ from PyYAML's, which follow YAML 1.1."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


_RESOLVERS = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", r"[-+]?(0|[1-9][0-9_]*|0b[01_]+|0x[0-9a-fA-F_]+|0[0-9_]+)", "-+0123456789"),
    (
        "float",
        r"[-+]?([0-9][0-9_]*)?\.[0-9_]+([eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*\.([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("timestamp", r"\d{4}-\d\d-\d\d", "0123456789"),
)
for _kind, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(_TAG + _kind, re.compile(f"^(?:{_pattern})$"), list(_first))


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        ConfigError: it cannot be read, is not UTF-8, or is too long.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", where=str(path), todo="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"the file cannot be read: {error}", where=str(path)) from error
    if len(text) > MAX_CHARACTERS:
        raise ConfigError(f"longer than {MAX_CHARACTERS:,} characters", where=str(path))
    return text


def parse(text: str, origin: str, what: str) -> tuple[dict[str, Any], Lines]:
    """The tree of a YAML text, and file and line of every path in it.

    The last texts are parsed once: `status` loads a file for each version of its experiment.

    Args:
        origin: name of the file, for errors.
        what: what the text should be, such as `an experiment`, for errors.

    Raises:
        ConfigError: not YAML, not a mapping, a duplicate key, a cycle, or too large.
    """
    return deepcopy(_parsed(text, origin, what))


@lru_cache(maxsize=4)
def _parsed(text: str, origin: str, what: str) -> tuple[dict[str, Any], Lines]:
    node = _compose(text, origin)
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{what} is a mapping of keys to values", where=f"{origin}:1")
    lines: Lines = {}
    tree = _value(node, (), lines, origin)
    return tree, lines


def parse_value(text: str, origin: str) -> Any:
    """The value of a YAML text, such as that of `--set`.

    Raises:
        ConfigError: as `parse`.
    """
    node = _compose(text, origin)
    return None if node is None else _value(node, (), {}, origin)


def location_of(path: Location, lines: Lines) -> str:
    """File and line of a path or its nearest known parent, or the `--set` that it comes from."""
    known = path
    while known and known not in lines:
        known = known[:-1]
    if lines.get(known) == OVERRIDE:
        return OPTIONS.get(path, f"{OVERRIDE} {'.'.join(map(str, path))}")
    return lines.get(known, "")


def _compose(text: str, origin: str) -> yaml.Node | None:
    try:
        _check_size(text, origin)
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise yaml_error(error, text, origin) from None
    except ValueError:  # of PyYAML's `chr`
        raise escape_error(text, origin) from None


def _check_size(text: str, origin: str) -> None:
    """Refuse cycles, deep nesting and too many values, from the stream of YAML events."""
    sizes = dict[str, int]()
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]  # anchor, values so far
    for event in yaml.parse(text, Loader=_Loader):
        where = f"{origin}:{_line_of(event)}"
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((anchor, 1))
            if len(open_nodes) > MAX_DEPTH:
                raise ConfigError(f"more than {MAX_DEPTH} levels of nesting", where=where)
            continue
        if isinstance(event, yaml.AliasEvent):
            if anchor in (name for name, _ in open_nodes):
                raise ConfigError(
                    f"*{anchor} is inside of &{anchor}, which would contain itself",
                    where=where,
                    todo=f"write out the values instead of *{anchor}",
                )
            size = sizes.get(str(anchor), 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = open_nodes.pop()
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
        else:
            continue
        if anchor and not isinstance(event, yaml.AliasEvent):
            sizes[anchor] = size
        above, count = open_nodes[-1]
        open_nodes[-1] = above, count + size
        if count + size > MAX_VALUES:
            raise ConfigError(
                f"more than {MAX_VALUES:,} values, after aliases are replaced", where=where
            )


def _value(node: yaml.Node, path: Location, lines: Lines, origin: str) -> Any:
    """The value of a node; a repeated alias gives independent copies."""
    where = f"{origin}:{_line_of(node)}"
    lines.setdefault(path, where)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, lines, origin)
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_TAG}seq":
        return [
            _value(item, (*path, index), lines, origin) for index, item in enumerate(node.value)
        ]
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node, where)
    raise _unsupported_tag(node, where)


def _mapping(node: yaml.MappingNode, path: Location, lines: Lines, origin: str) -> dict[str, Any]:
    if node.tag != f"{_TAG}map":
        raise _unsupported_tag(node, f"{origin}:{_line_of(node)}")
    tree, merged = dict[str, Any](), list[yaml.Node]()
    for key, value in node.value:
        where = f"{origin}:{_line_of(key)}"
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(
                "a list or mapping cannot be a key",
                where=where,
                todo="put a value that contains { or [ in quotes",
            )
        if key.value == MERGE and key.style is None:
            merged += _merged_nodes(value, where)
            continue
        if key.value in tree:
            raise ConfigError(f"duplicate key {key.value!r}", where=where)
        lines[*path, key.value] = where
        tree[key.value] = _value(value, (*path, key.value), lines, origin)
    for other in merged:
        inherited: Lines = {}
        for name, value in _value(other, path, inherited, origin).items():
            if name not in tree:
                tree[name] = value
                own = (*path, name)
                lines |= {at: line for at, line in inherited.items() if at[: len(own)] == own}
    return tree


def _merged_nodes(value: yaml.Node, where: str) -> Iterator[yaml.Node]:
    nodes = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for node in nodes:
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("<< takes a mapping, or a list of mappings", where=where)
        yield node


def _scalar(node: yaml.ScalarNode, where: str) -> Any:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    digits = text.replace("_", "")
    try:
        match kind:
            case "str" if SURROGATE.search(text):
                raise ConfigError("an escape that is not valid Unicode", where=where)
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return {"true": True, "false": False}[text.lower()]
            case "int" if re.fullmatch(r"[-+]?0[0-9]+", digits):
                return LeadingZero(text)
            case "int" if len(digits) > MAX_DIGITS:
                raise ConfigError(f"a number with more than {MAX_DIGITS} digits", where=where)
            case "int":
                return int(digits, 0)
            case "float":
                return float(re.sub(r"\.(?=inf|nan)", "", digits.lower()))
            case "timestamp":
                return date.fromisoformat(text)
    except (ValueError, KeyError):
        if kind == "timestamp":
            return text
        raise ConfigError(f"{text[:40]!r} is not a value of type {kind}", where=where) from None
    raise _unsupported_tag(node, where)


def _line_of(item: yaml.Node | yaml.Event) -> int:
    return item.start_mark.line + 1 if item.start_mark else 1


def _unsupported_tag(node: yaml.Node, where: str) -> ConfigError:
    tag = node.tag.replace(_TAG, "!!")
    return ConfigError(
        f"the tag {tag} is not supported",
        where=where,
        todo="remove it, or put a value that begins with ! in quotes",
    )
