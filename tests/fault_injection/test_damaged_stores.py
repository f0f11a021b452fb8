"""Every command over damaged stores: no traceback, and no number that changes without a word.

Each file of a store is removed, emptied, cut short, overwritten or has a bit flipped. A command
must then end with an error in words, name what is damaged, or print what it prints without damage.
"""

from __future__ import annotations

import logging
import random
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import xstilts
from xstilts.cli.app import app
from xstilts.core.artifact import DamagedArtifact
from xstilts.core.errors import XstiltsError
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.core.warn_once import forget_warnings
from xstilts.executors import EXECUTORS, worker
from xstilts.executors.base import ExecutorOptions, RunResult
from xstilts.executors.events import Listener
from xstilts.stages.io import tokenized

SMALL = [
    "name=small", "seeds=[0]", "intermediate=[none, toy-same]", "targets=[toy-kind, toy-search]",
]  # fmt: skip
FAST_TRIES, FAST_RUNS, SEED = 20, 6, 0


def flip_a_bit(data: bytes, draw: random.Random) -> bytes:
    position = draw.randrange(8 * len(data)) if data else 0
    changed = bytearray(data or b"\0")
    changed[position // 8] ^= 1 << position % 8
    return bytes(changed)


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "missing": lambda data, draw: None,
    "empty": lambda data, draw: b"",
    "cut": lambda data, draw: data[: draw.randrange(max(1, len(data)))],
    "flipped": flip_a_bit,
    "null": lambda data, draw: b"null",
    "list": lambda data, draw: b"[]",
}


@dataclass(frozen=True)
class Outcome:
    """What a command did: its output, its exit code, and the warnings that it logged."""

    output: str
    exit_code: int
    warnings: tuple[str, ...]


@dataclass
class Bench:
    """A finished store, and the commands that are tried on damaged copies of it."""

    pristine: Path
    toy_file: Path
    folder: Path

    def commands(self, store: Path) -> Iterator[tuple[str, list[str]]]:
        named = [str(self.toy_file), *(word for change in SMALL for word in ("--set", change))]
        opened = ["--store", str(store)]
        yield "plan", ["plan", *named, *opened]
        yield "run", ["run", *named, *opened]
        yield "status", ["status", *opened]
        yield "results", ["results", *named, *opened]
        yield "all results", ["results", *opened]
        for form in ("csv", "md", "html"):
            out = self.folder / f"report.{form}"
            yield f"report {form}", ["report", *named, *opened, "--format", form, "--out", str(out)]
        yield "claims", ["claims", str(store), "--format", "json"]
        candidates = ["--target", "toy-kind", "--candidates", "toy-same", "--no-measures"]
        like = ["--like", str(self.toy_file), "--format", "json"]
        yield "recommend", ["recommend", *candidates, *like, *opened]

    def run(self, name: str, arguments: list[str]) -> Outcome:
        forget_warnings()
        written = [self.folder / f"report.{form}" for form in ("csv", "md", "html")]
        for path in written:
            path.unlink(missing_ok=True)
        with logged() as warnings:
            result = CliRunner().invoke(app, arguments)
        error = result.exception
        if isinstance(error, XstiltsError):
            return Outcome(str(error), error.exit_code, tuple(warnings))
        if error is not None and not isinstance(error, SystemExit):
            raise AssertionError(f"{name} ended with a traceback") from error
        files = "".join(path.read_text() for path in written if path.exists())
        return Outcome(comparable(result.output + files), result.exit_code, tuple(warnings))


class logged:
    """Collects what the package logs."""

    def __enter__(self) -> list[str]:
        self.texts: list[str] = []
        self.handler = logging.Handler()
        self.handler.emit = lambda record: self.texts.append(record.getMessage())  # type: ignore[method-assign]
        logging.getLogger("xstilts").addHandler(self.handler)
        return self.texts

    def __exit__(self, *_: object) -> None:
        logging.getLogger("xstilts").removeHandler(self.handler)


def comparable(text: str) -> str:
    """The output without paths, free space, and the journal's events, which are no results."""
    return re.sub(r"\([0-9.]+ [MG]B free\)|\S*/store\S*|^\d\d:\d\d:\d\d .*\n", "", text, flags=re.M)


def files_of(store: Path) -> list[Path]:
    """The files of a store that a command may read: neither locks nor shared features."""
    found = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())
    return [path for path in found if path.parts[0] not in ("locks", "features")]


def is_silent(outcome: Outcome, before: Outcome) -> bool:
    """Whether a command changed what it prints without an error or a word about damage."""
    if outcome.exit_code or set(outcome.warnings) - set(before.warnings):
        return False
    return outcome.output != before.output


@pytest.fixture(scope="module")
def bench(finished: Path, toy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(finished, toy_file, tmp_path_factory.mktemp("damaged"))


def tries(bench: Bench, count: int | None) -> list[tuple[Path, str]]:
    """Files and kinds of damage: all, or a sample of them."""
    pairs = [(path, kind) for path in files_of(bench.pristine) for kind in DAMAGES]
    random.Random(SEED).shuffle(pairs)
    return pairs[:count]


def check(bench: Bench, count: int | None, names: Collection[str]) -> int:
    """Try damages with the commands of these names; returns how many were run."""
    store, draw, ran, problems = bench.folder / "store", random.Random(SEED), 0, []
    shutil.copytree(bench.pristine, store, dirs_exist_ok=True)
    commands = [(name, words) for name, words in bench.commands(store) if name in names]
    before = {name: bench.run(name, words) for name, words in commands}
    assert all(outcome.exit_code == 0 and not outcome.warnings for outcome in before.values())
    for file, kind in tries(bench, count):
        for name, words in commands:
            damage(store / file, DAMAGES[kind]((bench.pristine / file).read_bytes(), draw))
            ran += 1
            try:
                if is_silent(bench.run(name, words), before[name]):
                    problems.append(f"{name}: {file} {kind}: silent")
            except AssertionError as error:
                problems.append(f"{name}: {file} {kind}: {error.__cause__!r}")
            restore(bench.pristine, store, file)
    assert problems == []
    return ran


def damage(path: Path, data: bytes | None) -> None:
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)


def restore(pristine: Path, store: Path, file: Path) -> None:
    """Undo the damage of a file, and what a command made of it."""
    if any((store / "damaged").iterdir()) or not (store / file.parent).is_dir():
        shutil.rmtree(store)
        shutil.copytree(pristine, store)
    else:
        shutil.copy2(pristine / file, store / file)


QUICK = ("plan", "status", "results", "all results", "report csv", "claims")
SLOW = ("report md", "report html", "recommend")


class InProcessExecutor:
    """Runs stages in this process, so that a try takes no start of a worker."""

    def __init__(self, store: Store, options: ExecutorOptions) -> None:
        self.store = store

    def run(self, plan: Plan, on_event: Listener) -> RunResult:
        worker._verified_keys.clear()
        tokenized._checked.clear()
        result = RunResult()
        while todo := [stage for stage in plan.stages if not self.store.has(stage.key)]:
            try:
                worker.execute_stage(self.store, todo[0], lambda _: None)
                result.done.append(todo[0].key)
            except DamagedArtifact as error:
                self.store.quarantine(error.key)
        return result


def check_run(bench: Bench, count: int | None) -> int:
    """Damage a file and run: it ends in words, or the store has its results again."""
    store, draw, problems = bench.folder / "store", random.Random(SEED), []
    shutil.copytree(bench.pristine, store, dirs_exist_ok=True)
    commands = dict(bench.commands(store))
    before = bench.run("results", commands["results"])
    chosen = tries(bench, count)
    for file, kind in chosen:
        damage(store / file, DAMAGES[kind]((bench.pristine / file).read_bytes(), draw))
        try:
            code = bench.run("run", commands["run"]).exit_code
            after = bench.run("results", commands["results"])
            if code == 0 and (after.output, after.exit_code) != (before.output, 0):
                problems.append(f"run: {file} {kind}: other results")
        except AssertionError as error:
            problems.append(f"run: {file} {kind}: {error.__cause__!r}")
        shutil.rmtree(store)
        shutil.copytree(bench.pristine, store)
    assert problems == []
    return len(chosen)


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXECUTORS._objects, "local", InProcessExecutor)


def test_a_run_makes_damaged_stages_again(bench: Bench, in_process: None) -> None:
    assert check_run(bench, FAST_RUNS) == FAST_RUNS


def test_one_run_makes_all_damaged_scores_again(bench: Bench, in_process: None) -> None:
    store, draw = bench.folder / "store", random.Random(SEED)
    shutil.copytree(bench.pristine, store, dirs_exist_ok=True)
    loaded = xstilts.load(str(bench.toy_file), SMALL)
    before = xstilts.gains(loaded, store)
    files = sorted(store.glob("artifacts/*/statistics.parquet"))
    assert len(files) > 2
    for file in files:
        file.write_bytes(flip_a_bit(file.read_bytes(), draw))
    result = xstilts.run(loaded, store)
    assert sorted(result.done) == [file.parent.name for file in files]
    pd.testing.assert_frame_equal(xstilts.gains(loaded, store), before)
    assert len(list((store / "damaged").iterdir())) == len(files)
    shutil.rmtree(store)


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_a_run_makes_any_damaged_stage_again(bench: Bench, in_process: None) -> None:
    assert check_run(bench, None) > 100


def test_no_command_hides_damage(bench: Bench) -> None:
    assert check(bench, FAST_TRIES, QUICK) == FAST_TRIES * len(QUICK)


@pytest.mark.heavy
@pytest.mark.timeout(3600)
def test_no_command_hides_any_damage(bench: Bench) -> None:
    assert check(bench, None, QUICK) > 1000
    assert check(bench, 100, SLOW) == 100 * len(SLOW)
