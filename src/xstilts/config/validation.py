"""Validation of YAML trees, with errors in plain words that name file and line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from xstilts.config.base import MISSING, REFUSED, kinds_of
from xstilts.config.yaml_problems import QUOTE_BRACES
from xstilts.config.yaml_tree import OVERRIDE, Lines, Location, location_of
from xstilts.core.errors import ConfigError, suggestion

M = TypeVar("M", bound=BaseModel)
MORE_PROBLEMS = 5

NUMBER, WHOLE, TEXT, MAPPING = "a number", "a whole number", "a text", "a mapping of keys to values"
EXPECTED = {
    "string_type": TEXT,
    "string_sub_type": TEXT,
    "string_unicode": TEXT,
    "int_type": WHOLE,
    "int_parsing": WHOLE,
    "int_parsing_size": WHOLE,
    "int_from_float": WHOLE,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number of at most {le}",
    "literal_error": "{expected}",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": MAPPING,
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "mapping_type": MAPPING,
    "string_too_long": "at most {max_length} characters",
    "too_short": "at least {min_length} entry",
}
"""Type of a pydantic error → the value that is expected."""
PATTERNS = {
    r"^[a-z0-9][a-z0-9._-]*$": "lower case letters, digits and . _ -, beginning with a letter or "
    "digit",
    r"^$|^[^@\s]+@[^@\s]+$": "dataset@revision",
}
"""Pattern of a text → its meaning."""


@dataclass(frozen=True)
class InvalidValue:
    """An invalid value.

    Args:
        path: in the tree.
        what: the complete message; empty if a value of another kind is `expected`.
        by_branch: whether it is the verdict of one of several alternatives.
        missing: keys that are missing at the path.
        place: that of these keys as pydantic gives it, with the names of alternatives.
    """

    path: Location
    what: str = ""
    expected: str = ""
    shown: str = ""
    todo: str | None = None
    by_branch: bool = False
    missing: tuple[str, ...] = ()
    place: Location = ()


def validate(model: type[M], tree: Mapping[str, Any], lines: Lines, above: Location = ()) -> M:
    """The model of a tree.

    Args:
        above: path of the tree in its file.

    Raises:
        ConfigError: for the first invalid value; its text lists up to five further ones.
    """
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        items = sorted(error.errors(), key=lambda item: item["type"] == MISSING)
        problems = _merged([_problem(dict(item), tree, model) for item in items])
    placed = dict[tuple[str, str], str]()
    for problem in problems:
        place, text = location_of((*above, *problem.path), lines), _text(problem)
        # the key of an alias (*name) has the place of its anchor, which is named once
        placed.setdefault((place, text.replace(_dotted(problem.path[:-1]), "")), text)
    (where, first), *others = [
        (place, text.removeprefix(f"{place.removeprefix(OVERRIDE).strip()}: "))
        for (place, _), text in placed.items()
    ]
    more = [f"\n{place}: {text}" if place else f"\n{text}" for place, text in others]
    todo = problems[0].todo
    raise ConfigError(first + "".join(more[:MORE_PROBLEMS]), where=where or None, todo=todo)


def _text(problem: InvalidValue) -> str:
    if problem.missing:
        *others, last = [repr(_dotted((*problem.path, key))) for key in problem.missing]
        if not others:
            return f"the key {last} is missing"
        return f"the keys {', '.join(others)} and {last} are missing"
    if not problem.expected:
        return problem.what
    return f"{_dotted(problem.path)}: expected {problem.expected}, not {problem.shown}"


def _problem(item: dict[str, Any], tree: Any, model: type[BaseModel]) -> InvalidValue:
    kind, context, value = item["type"], item.get("ctx", {}), item["input"]
    location = tuple(item["loc"])
    if kind == REFUSED and context["key"] is not None:
        location = (*location, context["key"])
    path, by_branch = _path_in(tree, location, keep_last=kind == "extra_forbidden")
    name = _dotted(path)
    if kind == "extra_forbidden":
        todo = suggestion(str(path[-1]), _keys_at(model, path[:-1]))
        return InvalidValue(path, f"unknown key {name!r}", todo=todo)
    if kind == MISSING:
        key = str(context.get("key", location[-1]))
        todo = context.get("todo")
        return InvalidValue(path, missing=(key,), todo=todo, place=location[:-1])
    if kind == REFUSED:
        what = f"{name}: {context['what']}" if name else context["what"]
        return InvalidValue(path, what, todo=context["todo"])
    if kind == "value_error":
        return InvalidValue(path, f"{name}: {context['error']}")
    if kind == "string_pattern_mismatch":
        expected = PATTERNS.get(context["pattern"], "another text")
    else:
        expected = EXPECTED.get(kind, "another value").format(**context)
    by_branch |= kind == "too_short"  # also reported for a list whose entries are invalid
    shown = json.dumps(value, ensure_ascii=False, default=str)
    kinds = kinds_of(_model_at(model, path[:-1]), str(path[-1]) if path else "")
    advice = _advice(expected, value, only_numbers=kinds - {type(None), ...} <= {int, float})
    return InvalidValue(path, "", expected, shown[:80], advice, by_branch)


def _advice(expected: str, value: Any, *, only_numbers: bool) -> str | None:
    """What to do.

    Args:
        only_numbers: whether the field has numbers, or lists of them, and nothing else.
    """
    if expected == TEXT and isinstance(value, dict) and list(value.values()) in ([], [None]):
        return QUOTE_BRACES
    if expected == TEXT and (value is None or isinstance(value, bool | int | float | date)):
        shown = value if isinstance(value, date) else json.dumps(value)
        return f"if a text is meant, write '{shown}' in quotes"
    if expected == "a list" and isinstance(value, str | int | float):
        if isinstance(value, str) and only_numbers:
            return None
        return f"write [{value}]"
    return None


def _path_in(tree: Any, location: Location, *, keep_last: bool) -> tuple[Location, bool]:
    """The parts of pydantic's location that are in the tree, and whether others were dropped.

    Others are names of alternatives, `[key]`, and keys that a validator has added.
    """
    path: list[str | int] = []
    for part in location:
        children = dict(enumerate(tree)) if isinstance(tree, list) else tree
        if isinstance(children, dict) and part in children:
            tree = children[part]
            path.append(part)
    if keep_last and (not path or path[-1] != location[-1]):
        path.append(location[-1])
    return tuple(path), len(path) < len(location)


def _merged(problems: Sequence[InvalidValue]) -> list[InvalidValue]:
    """One problem per value: alternatives are joined, unless one of them fails further inside."""
    merged: dict[Location, InvalidValue] = {}
    for problem in problems:
        depth = len(problem.path)
        deeper = any(
            len(other.path) > depth and other.path[:depth] == problem.path for other in problems
        )
        if problem.by_branch and problem.expected and deeper:
            continue
        first = merged.get(problem.path)
        if first and first.missing and problem.missing and first.place == problem.place:
            merged[problem.path] = replace(first, missing=(*first.missing, *problem.missing))
        elif first is None or not (first.expected and problem.expected):
            merged.setdefault(problem.path, problem)
        elif problem.expected not in first.expected.split(" or "):
            joined = f"{first.expected} or {problem.expected}"
            merged[problem.path] = InvalidValue(
                problem.path, "", joined, first.shown, first.todo or problem.todo, True
            )
    return list(merged.values())


def _dotted(path: Location) -> str:
    return ".".join(str(part) for part in path)


def _keys_at(model: Any, path: Location) -> list[str]:
    """The keys of the model at a path of another model."""
    found = _model_at(model, path)
    return sorted(found.model_fields) if found else []


def _model_at(model: Any, path: Location) -> type[BaseModel] | None:
    """The model at a path of another model; none if there is another value."""
    for part in path:
        if isinstance(part, int):
            continue  # `_item_type` has already stepped into the list
        if get_origin(model) is dict:
            model = get_args(model)[1]
            continue
        field = getattr(model, "model_fields", {}).get(str(part))
        model = _item_type(field.annotation) if field else None
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def _item_type(annotation: Any) -> Any:
    """The type of an optional field's value, or of a list's items."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    is_list = get_origin(annotation) in (list, tuple, Annotated)
    if not is_list and type(None) not in get_args(annotation):
        return annotation
    return _item_type(kinds[0])
