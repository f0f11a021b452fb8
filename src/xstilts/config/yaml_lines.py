"""YAML trees with line numbers, and validation errors that name file and line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from xstilts.core.errors import ConfigError

Location = tuple[str | int, ...]
Lines = dict[Location, int]
"""Path in a tree → line, counted from 1; 0: set on the command line."""


def read(path: Path) -> str:
    """The text of a file.

    Raises:
        ConfigError: it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", where=str(path), todo="save it as UTF-8") from error


def parse(text: str, origin: str, what: str) -> tuple[dict[str, Any], Lines]:
    """The tree of a YAML text and the line of every path in it.

    Args:
        what: what the text should be, such as `an experiment`, for errors.

    Raises:
        ConfigError: not YAML, not a mapping, or a duplicate key.
    """
    try:
        tree = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{origin}:{mark.line + 1}" if mark else origin
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"not YAML: {problem}", where=where) from None
    if not isinstance(tree, dict):
        raise ConfigError(f"{what} is a mapping of keys to values", where=f"{origin}:1")
    return _copy(tree), dict(_lines(node, (), origin))


def location_of(path: Location, lines: Lines, origin: str) -> str:
    """File and line of a path or its nearest known parent, or the `--set` that it comes from."""
    known = path
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    return f"{origin}:{line}" if line else f"--set {_dotted(path)}"


def explain(
    error: ValidationError, lines: Lines, origin: str, model: type[BaseModel], above: Location = ()
) -> ConfigError:
    """A ConfigError for the first validation error; its text lists up to five further ones.

    Args:
        model: the pydantic model that failed to validate.
        above: path of the model's tree in the file.
    """
    items = sorted(error.errors(), key=lambda item: item["type"] == "missing")
    problems = [_problem(dict(item), lines, origin, model, above) for item in items]
    where, what, todo = problems[0]
    more = "".join(f"\n{other}: {text}" for other, text, _ in problems[1:6])
    return ConfigError(what + more, where=where, todo=todo)


def _copy(value: Any) -> Any:
    """A deep copy in which YAML aliases are independent, so that `--set` changes one of them."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _lines(node: Any, path: Location, origin: str) -> Iterator[tuple[Location, int]]:
    """Every path in a YAML tree with its line."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"duplicate key {key.value!r}",
                    where=f"{origin}:{key.start_mark.line + 1}",
                )
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), origin)
            yield (*path, key.value), key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index), origin)


def _problem(
    item: dict[str, Any], lines: Lines, origin: str, model: type[BaseModel], above: Location
) -> tuple[str, str, str | None]:
    """Where, what and todo of one pydantic error."""
    path: Location = tuple(item["loc"])
    where, name = location_of((*above, *path), lines, origin), _dotted(path)
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, path[:-1])
        near = difflib.get_close_matches(str(path[-1]), known, n=1)
        todo = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
        return where, f"unknown key {name!r}", todo
    if item["type"] == "missing":
        return where, f"the key {name!r} is missing", None
    shown = json.dumps(item["input"], ensure_ascii=False, default=str)
    return where, f"{name}: {item['msg']}, not {shown[:80]}", None


def _dotted(path: Location) -> str:
    return ".".join(str(part) for part in path)


def _keys_at(model: Any, path: Location) -> list[str]:
    """The keys of the model at a path of another model."""
    for part in path:
        if isinstance(part, int):
            continue  # `_item_type` has already stepped into the list
        if get_origin(model) is dict:
            model = get_args(model)[1]
            continue
        field = getattr(model, "model_fields", {}).get(str(part))
        model = _item_type(field.annotation) if field else None
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return sorted(model.model_fields) if is_model else []


def _item_type(annotation: Any) -> Any:
    """The type of an optional field's value, or of a list's items."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    is_list = get_origin(annotation) in (list, tuple)
    return kinds[0] if is_list or type(None) in get_args(annotation) else annotation
