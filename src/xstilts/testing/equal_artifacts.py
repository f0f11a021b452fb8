"""Comparing the artifacts of two stores."""

from __future__ import annotations

from xstilts.core.store import Store


def check_equal_artifacts(store: Store, expected: Store) -> None:
    """Check that two stores have the same keys, valid digests, and the same bytes and facts.

    Raises:
        AssertionError: they differ.
        DamagedArtifact: an artifact's files are not those of its manifest.
    """
    if store.keys() != expected.keys():
        raise AssertionError(sorted(set(store.keys()) ^ set(expected.keys())))
    for key in store.keys():  # noqa: SIM118
        one, other = store.artifact(key), expected.artifact(key)
        one.check_digests()
        if one.manifest["files"] != other.manifest["files"] or one.facts != other.facts:
            raise AssertionError(f"{one.manifest['stage']['label']} differs")
