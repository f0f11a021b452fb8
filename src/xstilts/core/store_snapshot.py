"""A read-only view of a store that reads every manifest once."""

from __future__ import annotations

from xstilts.core.artifact import Artifact
from xstilts.core.store import Store


class StoreSnapshot(Store):
    """A store that caches the state of each artifact at its first use.

    Published artifacts never change, so the cache stays valid; artifacts that are published later
    may not be seen. Code that runs stages needs the `Store` itself.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.root)
        self._valid: dict[str, Artifact] = {}
        self._others: dict[str, Artifact] = {}
        self._invalid: set[str] = set()

    def artifact(self, key: str) -> Artifact:
        """The artifact of that key, which need not exist; the same object at every call."""
        if artifact := self._valid.get(key):
            return artifact
        if key not in self._others:
            self._others[key] = super().artifact(key)
        return self._others[key]

    def get_valid(self, key: str) -> Artifact | None:
        """The artifact, if it was there with files of the right sizes at the first call."""
        if artifact := self._valid.get(key):
            return artifact
        if key in self._invalid:
            return None
        if artifact := super().get_valid(key):
            self._valid[key] = self._others.pop(key)
        else:
            self._invalid.add(key)
        return artifact
