"""Sources of tasks: local files first, then the hub, and the digests of both."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError, RevisionNotFoundError

import xstilts
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats.base import BadRow, Example
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import json_rows, parquet_rows, parse_rows
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.builders import english_task
from xstilts.tasks.io.sources import Hub, Local
from xstilts.tasks.origin import file_origin, hub_origin
from xstilts.tasks.validate import validated

ROWS = [{"text": f"text {number}", "label": number % 2} for number in range(30)]
CLASSES = {"label": ("no", "yes")}


class FakeHub:
    """A folder DATASET/REVISION/FILE that stands for the hub, and what was asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[tuple[str, str, str]] = []

    def write(self, dataset: str, revision: str, file: str, rows: list[dict[str, object]]) -> None:
        path = self.folder / dataset / revision / file
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)

    def download(self, repo_id: str, filename: str, *, repo_type: str, revision: str) -> str:
        assert repo_type == "dataset"
        self.asked.append((repo_id, revision, filename))
        path = self.folder / repo_id / revision / filename
        if not path.is_file():
            raise LocalEntryNotFoundError("offline")
        return str(path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    fake = FakeHub(tmp_path / "hub")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake.download)
    return fake


def example(row: object) -> Example | BadRow | None:
    text = row.text("text")  # type: ignore[attr-defined]
    return None if text == "other" else TextExample(row.id, text, row.text("label"))  # type: ignore[attr-defined]


def task(*, version: int = 1, files: tuple[str, ...] = ("data/train.parquet",)) -> TaskSpec:
    parse = parse_rows(json_rows, example)
    return english_task(
        name="mine",
        format="classification",
        sizes={"train": 30, "dev": None},
        local=lambda split: (
            Local((f"mine/{split}.1.jsonl", f"mine/{split}.2.jsonl"), parse),
            Local((f"mine/{split}.jsonl",), parse, ("mine/extra.txt",) * (split == "dev")),
        ),
        hub=lambda split: (
            Hub(*("me/mine", "abc123", files, parse_rows(parquet_rows(CLASSES), example), version))
            if split == "train"
            else None
        ),
        labels=("no", "yes"),
        subwords=16,
        dataset="me/mine",
        summary="",
        licence="",
        citation="",
    )


def at(made: TaskSpec, folder: Path) -> TaskSpec:
    assert made.with_data_dir
    return made.with_data_dir(folder)


def write(folder: Path, name: str, *texts: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = (json.dumps({"text": text, "label": "no"}) for text in texts)
    path.write_text("\n".join(rows))


def read(made: TaskSpec, split: str = "train") -> list[Example]:
    return validated(made.read(split, "en"), made, split, "en")[0]


def test_hub_rows_are_read_in_shuffled_order(hub: FakeHub) -> None:
    hub.write("me/mine", "abc123", "data/train.parquet", [*ROWS, {"text": "other", "label": 0}])
    found = read(task())
    assert hub.asked == [("me/mine", "abc123", "data/train.parquet")]
    assert {(one.id, one.text, one.label) for one in found} == {  # type: ignore[union-attr]
        (f"train-{number}", f"text {number}", ("no", "yes")[number % 2]) for number in range(30)
    }
    ids = [one.id for one in found]
    assert ids != sorted(ids, key=lambda name: int(name[6:]))
    assert ids == [one.id for one in read(task())]


def test_several_files_form_one_split(hub: FakeHub) -> None:
    for number in (1, 2):
        hub.write("me/mine", "abc123", f"{number}.parquet", ROWS[:2])
    found = read(task(files=("1.parquet", "2.parquet")))
    assert {one.id for one in found} == {"train.1-0", "train.1-1", "train.2-0", "train.2-1"}


@pytest.mark.parametrize("place", ["", "xtreme", "intermediate", "reasoning", "xtreme-m"])
def test_local_files_take_precedence_over_the_hub(hub: FakeHub, tmp_path: Path, place: str) -> None:
    write(tmp_path / place, "mine/train.jsonl", "one")
    made = at(task(), tmp_path)
    assert made.origin("train", "en") == (file_origin(tmp_path / place / "mine/train.jsonl"),)
    assert [one.id for one in read(made)] == ["train-0"]
    assert not hub.asked


def test_an_alternative_layout_counts_only_if_complete(hub: FakeHub, tmp_path: Path) -> None:
    write(tmp_path, "mine/train.1.jsonl", "one")
    write(tmp_path, "mine/train.jsonl", "old")
    assert [one.text for one in read(at(task(), tmp_path))] == ["old"]  # type: ignore[union-attr]
    write(tmp_path, "mine/train.2.jsonl", "two", "three")
    assert {one.id for one in read(at(task(), tmp_path))} == {
        *("train.1-0", "train.2-0", "train.2-1")
    }


def test_a_missing_split_has_no_origin(hub: FakeHub, tmp_path: Path) -> None:
    assert task().origin("train", "en") == (hub_origin("me/mine", "abc123"),)
    assert task().origin("dev", "en") == ()
    with pytest.raises(ConfigError, match="--data") as caught:
        task().read("dev", "en")
    assert "mine/dev.1.jsonl + mine/dev.2.jsonl or mine/dev.jsonl" in str(caught.value)
    with pytest.raises(DataError, match=r"no file mine/dev\.1\.jsonl") as absent:
        at(task(), tmp_path).read("dev", "en")
    assert str(tmp_path / "xtreme") in str(absent.value)
    write(tmp_path, "mine/dev.jsonl", "one")
    assert at(task(), tmp_path).origin("dev", "en") == ()  # the file beside it is missing
    write(tmp_path, "mine/extra.txt", "x")
    assert at(task(), tmp_path).origin("dev", "en")


def test_fingerprints_need_no_network(hub: FakeHub, tmp_path: Path) -> None:
    made = task()
    assert made.with_revisions
    remote = {
        made.fingerprint("train", "en"),
        task(version=2).fingerprint("train", "en"),
        task(files=("b.parquet",)).fingerprint("train", "en"),
        made.with_revisions({"me/mine": "def456"}).fingerprint("train", "en"),
    }
    assert len(remote) == 4
    assert made.with_revisions({"you/yours": "def456"}).fingerprint("train", "en") in remote
    assert not hub.asked
    write(tmp_path, "mine/train.jsonl", "one")
    local = at(made, tmp_path).fingerprint("train", "en")
    assert local not in remote
    write(tmp_path / "moved", "mine/train.jsonl", "one")
    assert at(made, tmp_path / "moved").fingerprint("train", "en") == local
    write(tmp_path, "mine/train.jsonl", "other words")
    assert at(made, tmp_path).fingerprint("train", "en") != local


def test_companion_files_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    write(tmp_path, "mine/dev.jsonl", "one")
    write(tmp_path, "mine/extra.txt", "x")
    before = at(task(), tmp_path).fingerprint("dev", "en")
    write(tmp_path, "mine/extra.txt", "other words")
    assert at(task(), tmp_path).fingerprint("dev", "en") != before


def test_a_configured_revision_is_read(hub: FakeHub, tmp_path: Path) -> None:
    made = task()
    assert made.with_revisions
    hub.write("me/mine", "def456", "data/train.parquet", ROWS[:3])
    other = at(made.with_revisions({"me/mine": "def456"}), tmp_path)
    assert other.origin("train", "en") == (hub_origin("me/mine", "def456"),)
    assert len(read(other)) == 3


def test_hub_errors_are_reported(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="cannot be reached") as caught:
        task().read("train", "en")
    assert "me/mine@abc123" in str(caught.value)
    assert "mine/train.jsonl" in str(caught.value)

    def refuse(*_: object, **__: object) -> str:
        raise RevisionNotFoundError("gone", response=SimpleNamespace(headers={}, request=None))

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", refuse)
    with pytest.raises(DataError, match="no such revision"):
        task().read("train", "en")

    def fail(*_: object, **__: object) -> str:
        raise OSError("disk full")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fail)
    with pytest.raises(DataError, match=r"OSError: disk full"):
        task().read("train", "en")


def test_label_names_are_checked_against_the_hub_file(hub: FakeHub) -> None:
    """A wrong order of NLI's classes would only show as scores below chance."""
    path = hub.folder / "me/mine/abc123/data/train.parquet"
    hub.write("me/mine", "abc123", "data/train.parquet", ROWS)
    table = pq.read_table(path)
    for names, right in ((["no", "yes"], True), (["yes", "no"], False)):
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        pq.write_table(
            table.replace_schema_metadata({"huggingface": json.dumps(info)}),
            path,
        )
        if right:
            assert len(read(task())) == 30
        else:
            with pytest.raises(DataError, match="yes, no; no, yes expected"):
                read(task())


def test_unknown_labels_and_missing_columns_are_counted(hub: FakeHub) -> None:
    rows = [*ROWS, {"text": "x", "label": 7}]
    hub.write("me/mine", "abc123", "data/train.parquet", rows)
    made = task()
    kept, complaints = validated(made.read("train", "en"), made, "train", "en")
    assert len(kept) == 30
    assert complaints.counts == {"label outside the set": 1}
    hub.write("me/mine", "abc123", "data/train.parquet", [{"words": "x"}])
    with pytest.raises(DataError, match="no 'text' in the row"):
        read(made)


def test_a_file_that_is_not_parquet_is_named(hub: FakeHub) -> None:
    hub.write("me/mine", "abc123", "data/train.parquet", ROWS)
    path = hub.folder / "me/mine/abc123/data/train.parquet"
    path.write_bytes(b"x")
    with pytest.raises(DataError, match="not readable as Parquet"):
        read(task())


def test_a_run_without_a_data_folder_lists_needed_files_before_it_starts(tmp_path: Path) -> None:
    loaded = xstilts.load("home", ["intermediate=[none, ccg]"])
    with pytest.raises(ConfigError, match="ccg can only be read from your files"):
        xstilts.run(loaded, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_every_task_names_the_origin_of_each_split(tmp_path: Path) -> None:
    local_only = {"bucc", "ccg", "rte", "winogrande"}
    local_only |= {"mgsm-choice", "sib200", "xvnli", "xwinograd"}
    local_only |= {"lareqa-mlqa-r", "lareqa-xquad-r", "mewsli-x", "mewsli-x-pairs"}
    local_only |= {"americasnli", "masakhaner", "masakhanews", "masakhapos"}
    local_only |= {"flickr30k", "xflickrco"}
    visual = ("gqa", "marvl", "nlvr2", "snli-ve", "xgqa", "xvnli-image")
    local_only |= {*visual, *(f"{name}-without-image" for name in visual)}
    not_on_hub = {("socialiqa", "test"), ("belebele", "train"), ("belebele", "dev")}
    for name in TASKS:
        made = TASKS.get(name)
        for split, languages in made.splits.items():
            found = made.origin(split, languages[0])
            wanted = made.hub and (name, split) not in not_on_hub
            assert (not found) == (made.with_data_dir is not None and not wanted), (
                name,
                split,
                found,
            )
        assert (made.with_data_dir is not None and not made.hub) == (name in local_only)
        if made.with_data_dir:
            assert made.with_data_dir(tmp_path).name == name
