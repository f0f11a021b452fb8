"""Copy what the results of an experiment need into a store of its own, to be shared.

xstilts.store_export("quickstart", "quickstart-store")
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xstilts.analysis.stage_needs import Need, stage_needs
from xstilts.api.inputs import AnyStore, existing_store, experiment_name
from xstilts.api.store_verify import store_verify
from xstilts.core.artifact import MANIFEST, Artifact, DamagedArtifact
from xstilts.core.atomic_io import fsync, write_json, write_text
from xstilts.core.dropped import DROPPED, dropped_files, is_dropped
from xstilts.core.errors import ConfigError, StoreError
from xstilts.core.fault_injection import fault
from xstilts.core.hashing import CHUNK, digest_of_file, with_digest, without_digest
from xstilts.core.private_text import absolute_paths, without_paths
from xstilts.core.store import Store, store_errors
from xstilts.core.store_entries import check_artifact
from xstilts.core.store_layout import is_marked, remove_folder
from xstilts.planning.study_stages import STUDY_FILE
from xstilts.stages.io.prepared_inputs import INPUTS

TAR = ".tar"
WEIGHTS = (".safetensors", ".npy")
ENCODERS = ("encoder", "vision")
ENCODER_FILES = ("config.json", "layout.json")
"""Small files of an encoder that are exported."""
ROWS = ("prepare", "translate")
ROW_READERS = ("score", "search")
"""Kinds of stages with whose rows reports show examples and choose settings."""
DAMAGE = (ValueError, TypeError, AttributeError, RecursionError)
LEFT_OUT = "left out of an export without weights"
TEXTS = (".json", ".jsonl", ".md", ".csv", ".svg", ".txt")


@dataclass
class Export:
    """A store that was written.

    Args:
        artifacts: number of artifacts with a file.
        missing: labels of stages that have not finished in the exported store.
        private: path in the new store → a folder of this machine that is named in it; files whose
            digest is part of a result cannot be changed.
    """

    path: Path
    artifacts: int = 0
    bytes: int = 0
    left_out: int = 0
    missing: list[str] = field(default_factory=list)
    private: dict[str, str] = field(default_factory=dict)


def store_export(
    experiment: str,
    to: Path | str,
    store: AnyStore | None = None,
    *,
    weights: bool = False,
) -> Export:
    """Write a store with what the results of an experiment need, and its studies.

    Scores, predictions, logs, records and answers are copied, and rows of test sets that reports
    read; without `weights`, artifacts leave out their large files, like artifacts whose files were
    dropped: results and reports work, `run` has nothing to do, and makes again what it needs. All
    that is written is read again before the store gets its name. Leases, pins, the journal and the
    paths in records and manifests are not copied.

    Args:
        experiment: its name in the store, or its file; all its runs are exported. Or
            `NAME@DIGESTS`, one run, as `status` names it.
        to: a new folder, or a new file with the ending .tar.
        store: its folder; by default $XSTILTS_STORE or ./xstilts-store.
        weights: copy every file.

    Raises:
        UnknownNameError: no record of that experiment.
        ConfigError: `to` exists.
        StoreError: the store is damaged, or `to` cannot be written.
    """
    opened, target = existing_store(store), Path(to).expanduser().absolute()
    needs = stage_needs(opened)
    own = needs.of(experiment_name(experiment, {need.experiment for need in needs.needs}))
    _check_target(target, opened)
    folder = target.with_name(f".{target.name}.partial")
    with store_errors(target.parent):
        _remove_partial(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            export = _Exporter(opened, Store(folder).prepare(), own, weights).write(target)
            _check_written(folder)
            fault("export.before_rename")
            _publish(folder, target)
        finally:
            remove_folder(folder)
    return export


def _check_target(target: Path, store: Store) -> None:
    if os.path.lexists(target):
        raise ConfigError(f"{target} exists", where="--to", todo="give a new folder or .tar file")
    if target.is_relative_to(store.root):
        raise ConfigError(f"{target} lies in the store", where="--to", todo="give another folder")


def _remove_partial(folder: Path) -> None:
    """Remove what an export that was killed has left.

    Raises:
        ConfigError: the folder is something else.
    """
    if not os.path.lexists(folder):
        return
    if not is_marked(folder):
        raise ConfigError(f"{folder} is in the way", where="--to", todo="move it away")
    remove_folder(folder)


@dataclass
class _Exporter:
    store: Store
    target: Store
    needs: Sequence[Need]
    weights: bool

    def write(self, path: Path) -> Export:
        """Write all artifacts, records and answers."""
        export = Export(path)
        stages = {key: stage for need in self.needs for key, stage in need.stages.items()}
        readers: dict[str, set[str]] = {}
        for stage in stages.values():
            for key in stage.inputs.values():
                readers.setdefault(key, set()).add(stage.kind)
        for key, stage in stages.items():
            artifact = self.store.get_finished(key)
            if artifact is None:
                if os.path.lexists(self.store.artifact(key).path):
                    check_artifact(self.store.artifact(key))
                export.missing.append(stage.label)
                continue
            while not self._copied(artifact, stage.kind, readers.get(key, set()), export):
                pass
            fault("export.after_artifact")
        paths = {path for stage in stages.values() for path in absolute_paths(stage.context)}
        for need in self.needs:
            self._copy_need(need, paths)
        self._find_private(export, paths)
        return export

    def _present(self, artifact: Artifact) -> list[str]:
        gone = set(dropped_files(artifact)) if is_dropped(artifact) else set()
        return [name for name in artifact.manifest["files"] if name not in gone]

    def _copied(self, artifact: Artifact, kind: str, readers: set[str], export: Export) -> bool:
        """Copy an artifact; return False if a run has dropped one of its files meanwhile."""
        present = self._present(artifact)
        kept = [name for name in present if self.weights or _is_kept(name, kind, readers)]
        try:
            self._copy(artifact, kept, export)
        except DamagedArtifact:
            if self._present(artifact) == present:
                raise
            return False
        return True

    def _copy(self, artifact: Artifact, kept: Sequence[str], export: Export) -> None:
        """Copy some files of an artifact with their digests compared, and its manifest."""
        manifest, size = artifact.manifest, 0
        left_out = sorted(set(manifest["files"]) - set(kept))
        with self.target.staging(artifact.key) as staged:
            for name in kept:
                copy = staged / name
                copy.parent.mkdir(parents=True, exist_ok=True)
                try:
                    shutil.copyfile(artifact.path / name, copy)
                except FileNotFoundError as error:
                    raise DamagedArtifact(artifact.key, name, "is missing") from error
                if digest_of_file(copy) != manifest["files"][name]["sha256"]:
                    raise DamagedArtifact(artifact.key, name, "differs from the published file")
                fsync(copy)
                size += copy.stat().st_size
            if left_out:
                marker = {"files": left_out, "why": LEFT_OUT, "dropped": 0}
                write_json(staged / DROPPED, with_digest(marker))
            write_json(staged / MANIFEST, with_digest(_shared_manifest(manifest)))
            staged.rename(self.target.artifact(artifact.key).path)
        export.bytes += size
        export.left_out += bool(left_out)
        export.artifacts += bool(kept)

    def _copy_need(self, need: Need, known: set[str]) -> None:
        source, copy = self.store.root / need.path, self.target.root / need.path
        if source.is_dir():
            for path in sorted(source.iterdir()):
                if STUDY_FILE.fullmatch(path.name) and path.is_file():
                    _copy_text(path, copy / path.name, known)
        else:
            _copy_text(source, copy, known)

    def _find_private(self, export: Export, paths: set[str]) -> None:
        """Look for folders of this machine in the texts that were copied unchanged."""
        folders = [str(Path.home()), str(self.store.root), *sorted(paths)]
        names = [folder for folder in folders if folder.count("/") > 1]
        for path in sorted(self.target.root.rglob("*")):
            if path.suffix in TEXTS and path.is_file():
                text = path.read_text(encoding="utf-8", errors="replace")
                if found := next((name for name in names if name in text), None):
                    export.private[path.relative_to(self.target.root).as_posix()] = found


def _is_kept(name: str, kind: str, readers: set[str]) -> bool:
    """Whether a file is exported without weights."""
    if kind in ENCODERS:
        return name in ENCODER_FILES
    if kind in ROWS:
        return name == INPUTS or not readers.isdisjoint(ROW_READERS)
    return not name.endswith(WEIGHTS)


def _shared_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """A manifest without paths of this machine; what the key is made of stays."""
    stage = manifest["stage"]
    return {
        **manifest,
        "stage": _shared_stage(stage),
        "facts": without_paths(manifest["facts"], absolute_paths(stage.get("context"))),
        "provenance": without_paths(manifest["provenance"], absolute_paths(stage.get("context"))),
    }


def _shared_stage(stage: Mapping[str, Any], known: set[str] | None = None) -> dict[str, Any]:
    label = without_paths(stage.get("label", ""), known or ())
    return {**stage, "context": {}, "label": label}


def _copy_text(path: Path, copy: Path, known: set[str]) -> None:
    """Copy a file of texts without paths of this machine.

    Raises:
        StoreError: it is damaged.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = without_digest(json.loads(text)) if path.suffix == ".json" else {}
    except DAMAGE as error:
        todo = "run the experiment or study again, which writes it again"
        raise StoreError(f"{path} cannot be read: {error}", todo=todo) from error
    if path.suffix != ".json":
        write_text(copy, without_paths(text, known))
        return
    known = known | absolute_paths(content.get("experiment"))
    stages = [_shared_stage(stage, known) for stage in content.get("stages", [])]
    cleaned = {
        name: without_paths(value, known) for name, value in content.items() if name != "stages"
    }
    write_json(copy, with_digest(cleaned | ({"stages": stages} if "stages" in content else {})))


def _check_written(folder: Path) -> None:
    """Read everything that was written.

    Raises:
        StoreError: it is not what was to be written.
    """
    if damaged := store_verify(folder).damaged:
        raise StoreError(
            f"{damaged[0].path} was written damaged: {damaged[0].problem}",
            todo="check the disk, and export again",
        )


def _publish(folder: Path, target: Path) -> None:
    """Give the new store its name: by a rename, or as an archive."""
    if target.suffix != TAR:
        for path in folder.iterdir():
            fsync(path)
        folder.rename(target)
        fsync(target.parent)
        return
    archive = folder / "archive.tar"
    files = sorted(path for path in folder.rglob("*") if path != archive)
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(folder, target.stem, recursive=False, filter=_anonymous)
        for path in files:
            name = f"{target.stem}/{path.relative_to(folder).as_posix()}"
            tar.add(path, name, recursive=False, filter=_anonymous)
    _check_archive(archive, folder, target.stem)
    fsync(archive)
    os.link(archive, target)  # fails if the name was taken meanwhile
    fsync(target.parent)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    member.mode = 0o755 if member.isdir() else 0o644
    return member


def _check_archive(archive: Path, folder: Path, stem: str) -> None:
    """Compare the files of an archive with those of the folder that it was made from.

    Raises:
        StoreError: one differs.
    """
    for name, data in _members(archive):
        original = folder / Path(name).relative_to(stem)
        if data != digest_of_file(original):
            raise StoreError(f"{name} was written damaged", todo="check the disk, and export again")


def _members(archive: Path) -> Iterator[tuple[str, str]]:
    """Name and SHA-256 of every file of an archive."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and (file := tar.extractfile(member)):
                sha = hashlib.sha256()
                while chunk := file.read(CHUNK):
                    sha.update(chunk)
                yield member.name, sha.hexdigest()
