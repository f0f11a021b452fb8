"""Write one submission per encoder, setting and seed from an experiment's predictions.

Missing predictions are left out and listed, never filled in.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from xstilts.core.errors import ConfigError
from xstilts.core.plan import Plan
from xstilts.core.store import Store
from xstilts.planning.compile import CompiledPlan, ResultCell
from xstilts.reports.tables import write_bytes
from xstilts.reports.xtreme.check import problems
from xstilts.reports.xtreme.layout import PARTS, Form, Part, number_of
from xstilts.stages.io.rows import read_rows
from xstilts.tasks.row_problems import recorded_problems

Row = Mapping[str, Any]
Group = tuple[str, str, int]
"""Encoder, intermediate setting, seed."""
TEST, TRAIN = "test", "train"
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
"""Date of every file in a zip, so that equal submissions have equal bytes."""


@dataclass(frozen=True)
class LeaderboardSubmission:
    """A submission on disk.

    Args:
        folder: holds a folder per task; empty or absent without predictions.
        archive: the folder as a zip, named `…-incomplete` if there are problems; None without
            predictions.
        problems: missing or wrong content, and the fix.
    """

    encoder: str
    intermediate: str
    seed: int
    folder: Path
    archive: Path | None
    problems: tuple[str, ...]


@dataclass
class Draft:
    """Files by name, and reasons for missing or incomplete ones: (task, reason) → languages."""

    files: dict[str, str] = field(default_factory=dict)
    gaps: dict[tuple[Part, str], list[str]] = field(default_factory=lambda: defaultdict(list))


def write_submissions(
    compiled: CompiledPlan, store: Store, target: Path, data: Path | None = None
) -> list[LeaderboardSubmission]:
    """Write TARGET/ENCODER/SETTING/seed-N/ and its zip for every encoder, setting and seed.

    Args:
        data: XTREME's download, to compare with; see `check_submission`.

    Raises:
        ConfigError: no XTREME target, not evaluated on test, or no predictions.
        StoreError: the files cannot be written.
    """
    groups: dict[Group, list[ResultCell]] = defaultdict(list)
    for cell in compiled.cells:
        if cell.target in PARTS:
            groups[cell.encoder, cell.intermediate, cell.seed].append(cell)
    _refuse([cell for cells in groups.values() for cell in cells])
    _check_folders(dict.fromkeys(encoder for encoder, _, _ in groups))
    targets = frozenset(cell.target for cell in compiled.cells)
    drafts = {
        group: _draft(cells, targets, compiled.plan, store) for group, cells in groups.items()
    }
    if not any(draft.files for draft in drafts.values()):
        raise ConfigError(
            f"nothing to submit: {store.root} has no test predictions of this experiment",
            todo="; ".join(_reasons(drafts.values(), targets)),
        )
    return [_publish(draft, group, target, data) for group, draft in drafts.items()]


def _reasons(drafts: Iterable[Draft], targets: frozenset[str]) -> list[str]:
    """Why the experiment's own targets have no predictions."""
    gaps = [gap for draft in drafts for gap in draft.gaps]
    reasons = [f"{part.folder}: {reason}" for part, reason in gaps if part.task in targets]
    return list(dict.fromkeys(reasons))


def _refuse(cells: Sequence[ResultCell]) -> None:
    if not cells:
        raise ConfigError(
            "the experiment has no XTREME targets",
            where="targets",
            todo=f"add some of {', '.join(PARTS)}",
        )
    if split := next((cell.split for cell in cells if cell.split != TEST), ""):
        raise ConfigError(
            f"the experiment evaluates on {split}, but a submission needs test predictions",
            where="eval_split",
            todo="run and report with --set eval_split=test",
        )


# predictions in the store


def _draft(cells: Sequence[ResultCell], targets: frozenset[str], plan: Plan, store: Store) -> Draft:
    draft, found = Draft(), {(cell.target, cell.language): cell for cell in cells}
    for part in PARTS.values():
        for language in part.languages:
            if cell := found.get((part.task, language)):
                text, reasons = _file(cell, part, plan, store)
            else:
                text, reasons = None, [_absence(part, cells[0].intermediate, targets)]
            if text is not None:
                draft.files[part.file(language)] = text
            for reason in reasons:
                draft.gaps[part, reason].append(language)
    return draft


def _absence(part: Part, setting: str, targets: frozenset[str]) -> str:
    if part.task == setting:
        return "the setting is the task itself: submit another setting"
    missing = "languages" if part.task in targets else "targets"
    return f"not among the experiment's {missing}: add it and run again"


def _file(cell: ResultCell, part: Part, plan: Plan, store: Store) -> tuple[str | None, list[str]]:
    """A file's text, or None without predictions, and the reasons why it is incomplete."""
    key = plan.by_key[cell.key].inputs.get("predictions")
    if key is None or not store.has(key):
        return None, ["not predicted: run the experiment; `xstilts plan` shows what blocks a stage"]
    rows: Sequence[Row] = read_rows(store.read(key, "predictions.parquet"))
    if part.form is Form.PAIRS:
        threshold = store.artifact(key).facts.get("threshold")
        if threshold is None:
            return None, [
                "mined, but the threshold is unknown: it is tuned on dev; provide the dev files"
            ]
        # like XTREME's script, which drops repeated sentences
        rows = [row for row in rows if row["score"] >= threshold and not row["repeated"]]
    if part.form is Form.NUMBERS:
        rows = _alphabetical(rows, plan.by_key[cell.key].inputs["rows:english"], store)
    return WRITERS[part.form](rows), list(dict.fromkeys(_left_out(key, plan, store)))


def _alphabetical(rows: Sequence[Row], english: str, store: Store) -> list[Row]:
    """Rows of English queries, sorted by stripped text as XTREME sorts its English side."""
    prepared = read_rows(store.read(english, "rows.parquet"))
    text = {row["id"]: row["text"] for row in prepared}
    queries = [row for row in rows if row["direction"] == "from_en"]
    return sorted(queries, key=lambda row: (text[row["id"]].strip(), number_of(row["id"])))


def _left_out(key: str, plan: Plan, store: Store) -> Iterator[str]:
    """Reasons why there are fewer predictions than test examples."""
    stage = plan.by_key[key]
    if stage.kind == TRAIN:
        return  # its dev data may be the test set of another task
    if stage.kind == "prepare" and stage.params["split"] == TEST and store.has(key):
        facts = store.artifact(key).facts
        if facts["rows"] < facts["available"]:
            yield (
                f"{facts['rows']:,} of {facts['available']:,} rows: "
                "run without `limits.test` and without `task_limits` on test"
            )
        left_out, _ = recorded_problems(facts)
        if left_out:
            counts = ", ".join(f"{kind} {count:,}" for kind, count in left_out.items())
            yield f"bad rows of the test set were left out ({counts}): fix the file and run again"
    for source in stage.inputs.values():
        yield from _left_out(source, plan, store)


# file contents


def labels(rows: Sequence[Row]) -> str:
    """One label per line, in the order of the test file."""
    return _lines(row["prediction"] for row in _in_order(rows))


def tags(rows: Sequence[Row]) -> str:
    """One tag per line, a blank line between sentences."""
    return "\n".join(_lines(row["prediction"]) for row in _in_order(rows))


def answers(rows: Sequence[Row]) -> str:
    """JSON: question id → answer; non-ASCII characters are escaped.

    A question id that the test set repeats (here `id#2`) has one answer.
    """
    found = {row["id"]: row["prediction"] for row in rows}
    once = {
        name: answer
        for name, answer in found.items()
        if not (name.partition("#")[2].isdecimal() and name.partition("#")[0] in found)
    }
    return json.dumps(once, indent=1, sort_keys=True) + "\n"


def pairs(rows: Sequence[Row]) -> str:
    """Foreign and English sentence ids, separated by a tab, the highest score first."""
    return _lines(f"{row['id']}\t{row['prediction']}" for row in rows)


def numbers(rows: Sequence[Row]) -> str:
    """For each English line, in the given order, the number of the nearest foreign line, from 0."""
    queries = (row for row in rows if row["direction"] == "from_en")
    return _lines(str(number_of(str(row["prediction"]))) for row in queries)


WRITERS: dict[Form, Callable[[Sequence[Row]], str]] = {
    Form.LABELS: labels,
    Form.TAGS: tags,
    Form.ANSWERS: answers,
    Form.PAIRS: pairs,
    Form.NUMBERS: numbers,
}


def _in_order(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: number_of(row["id"]))


def _lines(texts: Iterable[str]) -> str:
    return "".join(f"{text}\n" for text in texts)


# files on disk


def _publish(draft: Draft, group: Group, target: Path, data: Path | None) -> LeaderboardSubmission:
    encoder, setting, seed = group
    folder = target / _name(encoder) / _name(setting) / f"seed-{seed}"
    _clear(folder)
    for name, text in draft.files.items():
        write_bytes(folder / name, text.encode())
    found = tuple(_problems(draft, folder, data))
    archive = folder.with_name(f"{folder.name}{'-incomplete' if found else ''}.zip")
    if found:
        write_bytes(archive.with_suffix(".txt"), _lines(found).encode())
    if not draft.files:
        return LeaderboardSubmission(encoder, setting, seed, folder, None, found)
    write_bytes(archive, _zipped(draft.files))
    return LeaderboardSubmission(encoder, setting, seed, folder, archive, found)


def _problems(draft: Draft, folder: Path, data: Path | None) -> Iterator[str]:
    """Known gaps of the draft, then all other problems that the check finds."""
    explained = set()
    for (part, reason), languages in draft.gaps.items():
        every = len(languages) == len(part.languages)
        yield f"{part.folder} ({'all languages' if every else ' '.join(languages)}): {reason}"
        explained |= {part.file(language) for language in languages}
        explained.add(part.folder)
    yield from (str(one) for one in problems(folder, data) if one.file not in explained)


def _check_folders(encoders: Iterable[str]) -> None:
    """Check that no two encoders would be written into one folder."""
    folders: dict[str, str] = {}
    for encoder in encoders:
        other = folders.setdefault(_name(encoder), encoder)
        if other != encoder:
            raise ConfigError(
                f"{other} and {encoder} would be written to the same folder {_name(encoder)}",
                where="encoders",
                todo="give one of them a label that differs in letters or digits",
            )


def _name(text: str) -> str:
    """A name valid on any file system: `squad > mnli` becomes `squad-then-mnli`."""
    return re.sub(r"[^\w.+-]+", "-", text.replace(" > ", "-then-"))


def _clear(folder: Path) -> None:
    """Remove the files of an earlier submission, and nothing else."""
    for part in PARTS.values():
        for language in part.languages:
            (folder / part.file(language)).unlink(missing_ok=True)
    for ending in (".zip", "-incomplete.zip", "-incomplete.txt"):
        folder.with_name(folder.name + ending).unlink(missing_ok=True)


def _zipped(files: Mapping[str, str]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
