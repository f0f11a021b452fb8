"""Registries of named objects, imported lazily and extended by entry points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from typing import Generic, TypeVar, cast

from xstilts.core.errors import UnknownNameError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named objects of one kind, imported at first use.

    Args:
        kind: what messages call such an object.
        group: entry point group through which other packages add objects.
        builtin: name → the object, or "module:attribute" to import it at first use.
    """

    def __init__(self, kind: str, group: str, builtin: Mapping[str, str | T]) -> None:
        self.kind, self.group = kind, group
        self._targets = {name: one for name, one in builtin.items() if isinstance(one, str)}
        self._objects = {name: one for name, one in builtin.items() if not isinstance(one, str)}
        self._scanned = False

    def _scan(self) -> None:
        if not self._scanned:
            self._scanned = True
            for point in _installed():
                if point.group == self.group:
                    self._targets.setdefault(point.name, point.value)

    def register(self, name: str, item: T) -> T:
        """Add an object under a new name, in this process only."""
        if name in self._objects and self._objects[name] is not item:
            raise ValueError(f"{self.kind} {name!r} is already registered")
        self._objects[name] = item
        return item

    def names(self) -> list[str]:
        """All names, sorted."""
        self._scan()
        return sorted(self._targets.keys() | self._objects.keys())

    def get(self, name: str, *, where: str | None = None) -> T:
        """The object of that name.

        Raises:
            UnknownNameError: no such name; the message suggests the most similar one.
        """
        if name not in self._objects:
            self._scan()
            if name not in self._targets:
                raise UnknownNameError(self.kind, name, self.names(), where=where)
            module, _, attribute = self._targets[name].partition(":")
            self._objects[name] = cast(T, getattr(import_module(module), attribute))
        return self._objects[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __contains__(self, name: object) -> bool:
        self._scan()
        return name in self._targets or name in self._objects


@cache
def _installed() -> tuple[EntryPoint, ...]:
    """The entry points of all installed packages; read once, as that is slow."""
    return tuple(point for package in distributions() for point in package.entry_points)
