"""YAML whose every path knows its line, so that a complaint can name it."""

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


def read(path: Path) -> str:
    """A file's text; ConfigError where it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", where=str(path), todo="save it as UTF-8") from error


def parse(text: str, origin: str, what: str) -> tuple[dict[str, Any], Lines]:
    """The tree of a YAML text and the line of every path in it.

    Args:
        what: what the text should be, such as `an experiment`.

    Raises:
        ConfigError: no YAML, no mapping, or a key twice.
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
    return _unshared(tree), dict(_lines(node, (), origin))


def _unshared(value: Any) -> Any:
    """A copy in which what YAML's aliases share is apart, so that --set changes one place."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _lines(node: Any, path: Location, origin: str) -> Iterator[tuple[Location, int]]:
    """Every path in the YAML tree with its line, counted from 1."""
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set[str]()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(
                    f"the key {key.value!r} is there twice",
                    where=f"{origin}:{key.start_mark.line + 1}",
                )
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), origin)
            yield (*path, key.value), key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index), origin)


def explain(
    error: ValidationError, lines: Lines, origin: str, model: Any, above: Location = ()
) -> ConfigError:
    """The first complaint as our own error; further ones are listed under it.

    Args:
        model: the pydantic model that was not met.
        above: where in the file the model's tree stands.
    """
    found = sorted(error.errors(), key=lambda item: item["type"] == "missing")
    said = [_complaint(dict(item), lines, origin, model, above) for item in found]
    where, what, todo = said[0]
    more = "".join(f"\n{place}: {text}" for place, text, _ in said[1:6])
    return ConfigError(what + more, where=where, todo=todo)


def _complaint(
    item: dict[str, Any], lines: Lines, origin: str, model: Any, above: Location
) -> tuple[str, str, str | None]:
    path: Location = tuple(item["loc"])
    name = ".".join(str(part) for part in path)
    known = (*above, *path)
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    where = f"--set {name}" if line == 0 else f"{origin}:{line}"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _fields_at(model, path[:-1]), n=1)
        todo = (
            f"did you mean {near[0]!r}?"
            if near
            else f"known: {', '.join(_fields_at(model, path[:-1]))}"
        )
        return where, f"unknown key {name!r}", todo
    if item["type"] == "missing":
        return where, f"the key {name!r} is missing", None
    shown = json.dumps(item["input"], ensure_ascii=False, default=str)
    return where, f"{name}: {item['msg']}, not {shown[:80]}", None


def _fields_at(model: Any, path: Location) -> list[str]:
    """The keys that the model at this place of another one knows."""
    for part in path:
        if isinstance(part, int):
            continue  # an item is what the list holds
        field = getattr(model, "model_fields", {}).get(str(part))
        model = _part(field.annotation) if field else None
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return sorted(model.model_fields) if is_model else []


def _part(annotation: Any) -> Any:
    """What a field holds when it is not left empty, or what a list of them holds."""
    found = [kind for kind in get_args(annotation) if kind is not type(None)]
    listed = get_origin(annotation) in (list, tuple)
    return found[0] if listed or type(None) in get_args(annotation) else annotation
