"""The damage matrix: every kind of file × every damage × every command that reads a store.

A cell is harmless if the command prints what it prints without damage, and detected if it names
the file or the artifact and says what to do. Anything else is a fault.
"""

from __future__ import annotations

import io
import logging
import os
import random
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from xstilts.cli.app import app
from xstilts.cli.exit_codes import run_command
from xstilts.core.store_layout import KEY
from xstilts.core.warn_once import forget_warnings
from xstilts.executors import worker
from xstilts.stages.io import image_cache, tokenized
from xstilts.testing.damages import DAMAGES

NOT_READ = ("locks", "features/locks", "tracking", "worker.log")
"""Folders and files that are written only."""
TODO = re.compile("→|again|is rebuilt|left out|removed")


class DamageVerdict(StrEnum):
    """What a command made of a damage."""

    HARMLESS = "harmless"
    DETECTED = "detected"
    UNNAMED = "unnamed"
    SILENT = "silent"
    TRACEBACK = "traceback"


FAULTS = (DamageVerdict.UNNAMED, DamageVerdict.SILENT, DamageVerdict.TRACEBACK)


@dataclass(frozen=True)
class Outcome:
    """What a command did: its output with errors, the files it wrote, and its warnings."""

    text: str
    exit_code: object
    warnings: tuple[str, ...] = ()
    trace: str = ""


@dataclass(frozen=True)
class MatrixCell:
    """One cell of the matrix.

    Args:
        kind: of the file.
        file: its path in the store.
    """

    kind: str
    file: Path
    damage: str
    command: str
    verdict: DamageVerdict
    detail: str = ""


@dataclass
class Matrix:
    """Counts of verdicts, and the cells that are faults."""

    counts: dict[tuple[str, str], Counter[DamageVerdict]] = field(
        default_factory=lambda: defaultdict(Counter)
    )
    faults: list[MatrixCell] = field(default_factory=list)

    def add(self, cell: MatrixCell) -> None:
        """Count a cell."""
        self.counts[cell.kind, cell.command][cell.verdict] += 1
        if cell.verdict in FAULTS:
            self.faults.append(cell)

    def table(self, by: int) -> str:
        """The counts as text, by kind of file (0) or by command (1)."""
        rows: dict[str, Counter[DamageVerdict]] = defaultdict(Counter)
        for names, counts in self.counts.items():
            rows[names[by]] += counts
            rows["all"] += counts
        rows["all"] = rows.pop("all", Counter())
        lines = [f"{'':40}{'cells':>8}" + "".join(f"{verdict:>11}" for verdict in DamageVerdict)]
        for name, counts in rows.items():
            figures = "".join(f"{counts[verdict]:11}" for verdict in DamageVerdict)
            lines.append(f"{name:40}{counts.total():8}{figures}")
        return "\n".join(lines)


class Logged(logging.Handler):
    """Collects what the package logs."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self.texts.append(record.getMessage())


def run_words(words: Sequence[str], out: Path, store: Path) -> Outcome:
    """Run a command as the console script does, with nothing cached by an earlier one."""
    forget_reads()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    logged, text = Logged(), io.StringIO()
    logger = logging.getLogger("xstilts")
    logger.addHandler(logged)
    try:
        with redirect_stdout(text), redirect_stderr(text):
            code = run_command(lambda: app(list(words), prog_name="xstilts"))
    except Exception as error:
        return Outcome(text.getvalue(), 1, tuple(logged.texts), f"{type(error).__name__}: {error}")
    finally:
        logger.removeHandler(logged)
    files = "".join(path.read_text() for path in sorted(out.rglob("*")) if path.is_file())
    trace = text.getvalue() if "Traceback (most recent" in text.getvalue() else ""
    printed = comparable(text.getvalue() + files, store)
    return Outcome(printed, code, tuple(logged.texts), trace[-400:])


def forget_reads() -> None:
    """Forget what this process has read and verified, as a new process would not know it."""
    forget_warnings()
    worker._verified_keys.clear()
    tokenized._checked.clear()
    image_cache._verified.clear()
    image_cache._digests.clear()


def comparable(text: str, store: Path) -> str:
    """Output without what differs between equal runs: times, free space, lines of progress.

    Waiting for a lease is no result either: one that cannot be read is waited for.
    """
    text = text.replace(str(store), "STORE")
    text = re.sub(r"^.*waiting: held by .*\n|^\d+/\d+ stages, .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"[0-9.,]+ [kMGT]?B free|\b\d\d:\d\d:\d\d\b", "", text)
    return re.sub(r"(?<![\w.])(\d+ min )?[0-9.]+ ?(ms|s|min|h)\b", "TIME", text)


def judge(before: Outcome, after: Outcome, file: Path) -> tuple[DamageVerdict, str]:
    """What a command made of the damage of a file, and its messages."""
    if after.trace:
        return DamageVerdict.TRACEBACK, after.trace
    messages = "\n".join([*after.warnings, *_new_lines(before, after)])
    is_equal = after.exit_code == before.exit_code and after.text == before.text
    if is_equal and set(after.warnings) <= set(before.warnings):
        return DamageVerdict.HARMLESS, ""
    named = file.name in messages or any(part[:12] in messages for part in file.parts[:-1] if part)
    if named and TODO.search(messages):
        return DamageVerdict.DETECTED, messages
    if after.exit_code != before.exit_code or set(after.warnings) - set(before.warnings):
        return DamageVerdict.UNNAMED, messages
    return DamageVerdict.SILENT, messages


def _new_lines(before: Outcome, after: Outcome) -> list[str]:
    known = set(before.text.splitlines())
    return [line for line in after.text.splitlines() if line not in known]


@dataclass(frozen=True)
class Copy:
    """A copy of a store that is damaged and restored."""

    pristine: Path
    path: Path

    @classmethod
    def of(cls, pristine: Path, path: Path) -> Copy:
        """A new copy."""
        shutil.copytree(pristine, path)
        return cls(pristine, path)

    def restore(self) -> None:
        """Make it equal to the pristine store again; only what differs is written."""
        wanted, present = _states(self.pristine), _states(self.path)
        for name in sorted(present, key=len, reverse=True):
            if name not in wanted or present[name] != wanted[name]:
                _remove(self.path / name)
        for name, state in sorted(wanted.items()):
            if state is None:
                (self.path / name).mkdir(parents=True, exist_ok=True)
            elif name not in present or present[name] != state:
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.pristine / name, self.path / name)


def _states(root: Path) -> dict[str, Any]:
    """Path → what identifies its content: None for a folder."""
    states: dict[str, Any] = {}
    todo = [""]
    while todo:
        folder = todo.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                name = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    states[name] = None
                    todo.append(name)
                else:
                    status = entry.stat(follow_symlinks=False)
                    states[name] = (entry.is_symlink(), status.st_size, status.st_mtime_ns)
    return states


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def kinds_of(store: Path, kind_of_stage: Callable[[str], str]) -> dict[str, list[Path]]:
    """Kind of file → the store's files of this kind that commands read.

    Args:
        kind_of_stage: key of an artifact → kind of its stage.
    """
    kinds: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        file = path.relative_to(store)
        if file.as_posix().startswith(NOT_READ):
            continue
        folder = "/".join(part for part in file.parts[:-1] if len(part) < 64)
        stage = next((kind_of_stage(part) for part in file.parts if len(part) == 64), "")
        is_named = folder == "artifacts" or folder.startswith("checkpoints")
        name = file.name if is_named or file.name == "manifest.json" else file.suffix
        folder = folder if folder in ("artifacts", "features/artifacts") else file.parts[0]
        kinds[" ".join(filter(None, (folder, stage, name)))].append(file)
    return dict(kinds)


@dataclass(frozen=True)
class Trial:
    """One damage of one file."""

    kind: str
    file: Path
    damage: str
    other: Path | None
    seed: str

    def apply(self, store: Path) -> bool:
        """Damage the file in a store; whether its bytes differ."""
        draw = random.Random(self.seed)
        other = store / self.other if self.other else None
        return DAMAGES[self.damage](store / self.file, other, draw)


def trials(kinds: dict[str, list[Path]], each: int, seed: int = 0) -> Iterator[Trial]:
    """Every kind of file × every damage, with `each` files of a kind."""
    draw = random.Random(seed)
    for kind, files in kinds.items():
        chosen = draw.sample(files, min(each, len(files)))
        for file in chosen:
            others = [other for other in files if _can_take(other, file)]
            for damage in DAMAGES:
                other = draw.choice(others) if others else None
                if damage != "swapped" or other:
                    yield Trial(kind, file, damage, other, f"{seed} {file} {damage}")


def _can_take(other: Path, file: Path) -> bool:
    """Whether a file can stand where another one belongs, by its name."""
    same = other.name == file.name or KEY.search(file.as_posix()) is None
    return other != file and same


def judged(
    copy: Copy, trial: Trial, commands: Iterable[tuple[str, Sequence[str]]],
    before: dict[str, Outcome], out: Path,
) -> Iterator[MatrixCell]:  # fmt: skip
    """The cells of one damage."""
    for name, words in commands:
        if trial.apply(copy.path):
            verdict, detail = judge(before[name], run_words(words, out, copy.path), trial.file)
            yield MatrixCell(trial.kind, trial.file, trial.damage, name, verdict, detail)
        copy.restore()
