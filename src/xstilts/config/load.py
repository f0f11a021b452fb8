"""From a YAML file or a preset's name to an Experiment, with file and line in every error."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from xstilts.config.experiment import Experiment
from xstilts.core.errors import ConfigError, UnknownName

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Loaded:
    """An experiment with the text it came from; relative paths start at `folder`."""

    experiment: Experiment
    text: str
    origin: str
    folder: Path


def presets() -> dict[str, Path]:
    """Preset name → its YAML file."""
    folder = Path(str(resources.files("xstilts.config") / "presets"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load(name_or_path: str, overrides: Sequence[str] = ()) -> Loaded:
    """The experiment in a file, or the preset of that name.

    Args:
        overrides: texts `a.b=value`, the value being YAML, applied in order.

    Raises:
        ConfigError: no such file or preset, broken YAML, unknown keys, wrong types.
    """
    path = _find(name_or_path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError("not UTF-8", where=str(path), todo="save it as UTF-8") from error
    tree, lines = _parse(text, str(path))
    for override in overrides:
        _apply(tree, override, lines)
    try:
        experiment = Experiment.model_validate(tree)
    except ValidationError as error:
        raise _explain(error, lines, str(path)) from None
    return Loaded(experiment, text, str(path), path.parent)


def schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file, for editors."""
    return Experiment.model_json_schema()


def _find(name_or_path: str) -> Path:
    known = presets()
    if name_or_path in known:
        return known[name_or_path]
    path = Path(name_or_path)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or "/" in name_or_path:
        raise ConfigError(
            f"no experiment file {name_or_path}",
            todo=f"give a YAML file or a preset ({', '.join(known)})",
        )
    raise UnknownName("preset", name_or_path, known)


def _parse(text: str, origin: str) -> tuple[dict[str, Any], dict[Path_, int]]:
    try:
        tree = yaml.safe_load(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{origin}:{mark.line + 1}" if mark else origin
        problem = getattr(error, "problem", None) or str(error)
        raise ConfigError(f"not YAML: {problem}", where=where) from None
    if not isinstance(tree, dict):
        raise ConfigError("an experiment is a mapping of keys to values", where=f"{origin}:1")
    return _unshared(tree), dict(_lines(node, (), origin))


def _unshared(value: Any) -> Any:
    """A copy in which what YAML's aliases share is apart, so that --set changes one place."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def _lines(node: Any, path: Path_, origin: str) -> Iterator[tuple[Path_, int]]:
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


def _apply(tree: dict[str, Any], override: str, lines: dict[Path_, int]) -> None:
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{override!r} is no setting", todo="write --set a.b=value")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value in {override!r} is not YAML: {error}") from None
    parts = name.strip().split(".")
    place = tree
    for index, part in enumerate(parts[:-1]):
        if isinstance(place.get(part), str) and parts[: index + 1] == ["encoder"]:
            place[part] = {"name": place[part]}
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{'.'.join(parts[: index + 1])} has no parts to set ({override!r})")
        place = inner
    place[parts[-1]] = value
    lines[tuple(parts)] = 0


def _explain(error: ValidationError, lines: dict[Path_, int], origin: str) -> ConfigError:
    """The first complaint as our own error; further ones are listed under it."""
    found = sorted(error.errors(), key=lambda item: item["type"] == "missing")
    said = [_complaint(dict(item), lines, origin) for item in found]
    where, what, todo = said[0]
    more = "".join(f"\n{place}: {text}" for place, text, _ in said[1:6])
    return ConfigError(what + more, where=where, todo=todo)


def _complaint(
    item: dict[str, Any], lines: dict[Path_, int], origin: str
) -> tuple[str, str, str | None]:
    path: Path_ = tuple(item["loc"])
    name = ".".join(str(part) for part in path)
    known = path
    while known and known not in lines:
        known = known[:-1]
    line = lines.get(known, 1)
    where = f"--set {name}" if line == 0 else f"{origin}:{line}"
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), _fields_at(path[:-1]), n=1)
        todo = (
            f"did you mean {near[0]!r}?" if near else f"known: {', '.join(_fields_at(path[:-1]))}"
        )
        return where, f"unknown key {name!r}", todo
    if item["type"] == "missing":
        return where, f"the key {name!r} is missing", None
    shown = json.dumps(item["input"], ensure_ascii=False, default=str)
    return where, f"{name}: {item['msg']}, not {shown[:80]}", None


def _fields_at(path: Path_) -> list[str]:
    """The keys that the model at this place of an experiment knows."""
    model: Any = Experiment
    for part in path:
        field = getattr(model, "model_fields", {}).get(str(part))
        model = field.annotation if field else None
    is_model = isinstance(model, type) and issubclass(model, BaseModel)
    return sorted(model.model_fields) if is_model else []
