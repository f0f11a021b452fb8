"""A store for readers: every manifest is read once, however many tables need it."""

from __future__ import annotations

from xstilts.core.store import Artifact, Store


class StoreSnapshot(Store):
    """A store in which the state of each artifact is fixed when it is first asked for.

    Artifacts never change once they are published, so what is found stays true; what is published
    later is not seen. Whoever runs stages needs the `Store` itself.
    """

    def __init__(self, store: Store) -> None:
        super().__init__(store.root)
        self._artifacts: dict[str, Artifact] = {}
        self._valid: dict[str, Artifact | None] = {}

    def artifact(self, key: str) -> Artifact:
        """The artifact of that key, which need not exist; the same object at every call."""
        if key not in self._artifacts:
            self._artifacts[key] = super().artifact(key)
        return self._artifacts[key]

    def get_valid(self, key: str) -> Artifact | None:
        """The artifact, if it was there with files of the right sizes at the first call."""
        if key not in self._valid:
            self._valid[key] = super().get_valid(key)
        return self._valid[key]
