"""Origins of data are typed; their texts name files and revisions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xstilts.planning.hub_revisions import datasets_of
from xstilts.tasks import TASKS
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.concatenate import concatenate
from xstilts.tasks.origin import (
    PACKAGE_ORIGIN,
    Origin,
    describe_origins,
    file_origin,
    hub_origin,
    is_local,
    needs_download,
)

FILE = file_origin(Path("a@b; hub c/train.tsv"))
HUB = hub_origin("me/wiki", "abc")


def task(*origins: Origin) -> TaskSpec:
    return replace(TASKS.get("home-intents"), origin=lambda _split, _language: origins)


def test_the_text_of_an_origin_names_files_or_dataset_and_revision() -> None:
    assert str(HUB) == "hub me/wiki@abc"
    assert str(file_origin(Path("x/a.tsv"), Path("x/b.tsv"))) == "file x/a.tsv, x/b.tsv"
    assert str(PACKAGE_ORIGIN) == "installed package"
    assert describe_origins((HUB, PACKAGE_ORIGIN)) == "hub me/wiki@abc; installed package"
    assert describe_origins(()) == ""


def test_a_concatenation_has_the_origins_of_all_parts_or_none() -> None:
    joined = concatenate(task(), [task(FILE), task(HUB)])
    assert joined.origin("train", "en") == (FILE, HUB)
    assert needs_download(joined.origin("train", "en"))
    assert not is_local(joined.origin("train", "en"))
    assert concatenate(task(), [task(FILE), task()]).origin("train", "en") == ()


def test_a_path_with_the_words_of_a_hub_origin_is_no_dataset() -> None:
    assert datasets_of(task(FILE)) == set()
    assert datasets_of(task(HUB, FILE)) == {"me/wiki"}
    assert is_local((FILE,))
    assert not is_local(())
