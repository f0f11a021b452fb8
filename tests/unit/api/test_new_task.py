"""`tasks new`: declarations that are guessed from data files are valid and read every row."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

import xstilts
from xstilts.api.new_task import NewTask
from xstilts.cli.app import app
from xstilts.config.file_task import FileTask
from xstilts.core.errors import ConfigError, DataError
from xstilts.tasks.data_check import SplitState
from xstilts.testing.tiny import write_encoder


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("encoder")
    write_encoder(folder)
    return str(folder)


def made(folder: Path, encoder: str, name: str, *texts: str, ending: str = "") -> NewTask:
    """The task of a file with these lines."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    found = xstilts.new_task(path, encoder=encoder, out=folder / f"{path.stem}.yaml")
    assert found.file
    declared = yaml.safe_load(found.file.read_text(encoding="utf-8"))["tasks"][found.name]
    assert FileTask.model_validate(declared) == FileTask.model_validate(found.declaration)
    return found


REVIEWS = [f"a long text of number {n}\t{'good' if n % 3 else 'bad'}" for n in range(12)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (REVIEWS, {"header": False, "columns": ["text", "label"]}),
        (["text\tlabel", *REVIEWS], {}),
        (["Review\tStars", *REVIEWS], {"rename": {"Review": "text", "Stars": "label"}}),
        (
            ["sentence\tsentiment", *REVIEWS],
            {"rename": {"sentence": "text", "sentiment": "label"}},
        ),
    ],
)
def test_headers_and_columns_of_tables_are_guessed(
    tmp_path: Path, encoder: str, lines: list[str], expected: dict[str, object]
) -> None:
    found = made(tmp_path, encoder, "train-en.tsv", *lines)
    keys = ("header", "columns", "rename")
    assert {key: found.declaration[key] for key in keys if key in found.declaration} == expected
    assert found.declaration["labels"] == ["bad", "good"]
    assert [report.rows for report in found.reports] == [12]


def test_files_of_other_splits_and_languages_are_found_by_their_names(
    tmp_path: Path, encoder: str
) -> None:
    for name in ("validation.en.tsv", "test.en.tsv", "test.swa.tsv", "test.notes.tsv"):
        (tmp_path / name).write_text("\n".join(["text\tlabel", *REVIEWS]))
    found = made(tmp_path, encoder, "train.en.tsv", "text\tlabel", *REVIEWS)
    assert found.declaration["files"] == "{split}.{language}.tsv"
    assert found.declaration["splits"] == {"train": ["en"], "dev": ["en"], "test": ["en", "sw"]}
    assert found.declaration["split_names"] == {"dev": "validation"}
    assert found.declaration["codes"] == {"sw": "swa"}
    assert {report.state for report in found.reports} == {SplitState.FOUND}


@pytest.mark.parametrize("name", ["zh-Hans", "pt_BR", "EN", "qya", "German", "eng"])
def test_files_that_are_not_used_are_named(tmp_path: Path, encoder: str, name: str) -> None:
    (tmp_path / f"test-{name}.tsv").write_text("\n".join(["text\tlabel", *REVIEWS]))
    found = made(tmp_path, encoder, "test-en.tsv", "text\tlabel", *REVIEWS)
    assert found.declaration["splits"] == {"test": ["en"]}
    (note,) = [guess for guess in found.guesses if guess.startswith("not used")]
    assert f"test-{name}.tsv" in note


def rows_with_labels(*labels: object) -> list[str]:
    return [json.dumps({"text": f"number {n}", "label": label}) for n, label in enumerate(labels)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([True, False] * 5, ["false", "true"]),
        ([0.0, 1.0, 10.0, 2.0] * 5, ["0.0", "1.0", "2.0", "10.0"]),
        ([0, 1.0, 1, "1.0"] * 5, ["0", "1"]),
        (["True", True, False] * 5, ["false", "true"]),
        (["1.1", "1.10"] * 5, ["1.1", "1.10"]),
    ],
)
def test_every_label_has_one_spelling_in_order(
    tmp_path: Path, encoder: str, labels: list[object], expected: list[str]
) -> None:
    found = made(tmp_path, encoder, "train-en.jsonl", *rows_with_labels(*labels))
    assert found.declaration["labels"] == expected
    assert [report.rows for report in found.reports] == [len(labels)]


def test_labels_that_differ_in_case_are_named(tmp_path: Path, encoder: str) -> None:
    found = made(tmp_path, encoder, "train-en.jsonl", *rows_with_labels(*["good", "Good", "x"] * 5))
    assert any("Good and good" in guess for guess in found.guesses)


def test_a_column_of_languages_is_no_label_and_named(tmp_path: Path, encoder: str) -> None:
    rows = [
        json.dumps(
            {"text": f"number {n}", "mood": "ab"[n % 2], "locale": ["en", "de", "sw"][n % 3]}
        )
        for n in range(30)
    ]
    found = made(tmp_path, encoder, "train.jsonl", *rows)
    assert found.declaration["rename"] == {"mood": "label"}
    assert any("locale (de, en, sw)" in guess for guess in found.guesses)


def test_languages_may_be_the_labels(tmp_path: Path, encoder: str) -> None:
    rows = [json.dumps({"text": f"number {n}", "lang": ["en", "de"][n % 2]}) for n in range(30)]
    found = made(tmp_path, encoder, "train.jsonl", *rows)
    assert found.declaration["labels"] == ["de", "en"]
    assert not any(guess.startswith("not read") for guess in found.guesses)


SCORES = [f"a long text of number {n}\t{(0, 2.5, 5)[n % 3]}" for n in range(12)]
MEASURED = [f"a long text of number {n}\t{n / 7}" for n in range(12)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["text\tlabel", *SCORES], {"rename": {"label": "score"}}),
        (["text\tscore", *SCORES], {}),
        (["Satz\tPunkte", *SCORES], {"rename": {"Satz": "text", "Punkte": "score"}}),
        (["Satz\tPunkte", *MEASURED], {"rename": {"Satz": "text", "Punkte": "score"}}),
        (SCORES, {"header": False, "columns": ["text", "score"]}),
        (MEASURED, {"header": False, "columns": ["text", "score"]}),
    ],
)
def test_numbers_with_fractions_are_scores(
    tmp_path: Path, encoder: str, lines: list[str], expected: dict[str, object]
) -> None:
    found = made(tmp_path, encoder, "train-en.tsv", *lines)
    assert found.declaration["format"] == "regression"
    keys = ("rename", "header", "columns")
    assert {key: found.declaration[key] for key in keys if key in found.declaration} == expected
    assert [report.rows for report in found.reports] == [12]


def test_columns_that_are_not_read_are_named_with_how_to_read_a_second_text(
    tmp_path: Path, encoder: str
) -> None:
    rows = [{"text": f"number {n}", "title": "Two", "label": "ab"[n % 2]} for n in range(12)]
    found = made(tmp_path, encoder, "train.jsonl", *map(json.dumps, rows))
    (note,) = [guess for guess in found.guesses if guess.startswith("not read")]
    assert "title" in note
    assert "{title: text_pair}" in note
    (tmp_path / "pairs").mkdir()
    lines = ["text\ttext_pair\tlabel", *(f"number {n}\tTwo\t{'ab'[n % 2]}" for n in range(12))]
    found = made(tmp_path / "pairs", encoder, "train.tsv", *lines)
    assert not any(guess.startswith("not read") for guess in found.guesses)


def test_numbers_and_labels_are_no_second_text(tmp_path: Path, encoder: str) -> None:
    lines = ["text,label,confidence,kind"]
    lines += [f"number {n},{'ab'[n % 2]},0.{n + 1},{'xy'[n // 6]}" for n in range(12)]
    found = made(tmp_path, encoder, "train.csv", *lines)
    (note,) = [guess for guess in found.guesses if guess.startswith("not read")]
    assert "confidence" in note
    assert "text_pair" not in note


def test_a_list_is_no_second_text(tmp_path: Path, encoder: str) -> None:
    rows = [{"text": f"number {n}", "all": ["a b c", "d"], "label": "ab"[n % 2]} for n in range(12)]
    found = made(tmp_path, encoder, "train.jsonl", *map(json.dumps, rows))
    assert [report.rows for report in found.reports] == [12]
    (note,) = [guess for guess in found.guesses if guess.startswith("not read")]
    assert "all" in note
    assert "text_pair" not in note


@pytest.mark.parametrize("choices", [["warm", "cold"], {"text": ["warm", "cold"]}])
def test_a_column_of_all_choices_is_refused_with_the_columns_that_are_read(
    tmp_path: Path, encoder: str, choices: object
) -> None:
    rows = [{"question": f"is {n}", "choices": choices, "answer": n % 2} for n in range(12)]
    with pytest.raises(DataError, match="'choices'") as caught:
        made(tmp_path, encoder, "train.jsonl", *map(json.dumps, rows))
    assert "choice1, choice2" in str(caught.value)


@pytest.mark.parametrize(
    "row", [{"text": {"en": "a"}, "label": "x"}, {"text": "a", "label": {"value": "x"}}]
)
def test_objects_in_cells_are_refused_with_their_line(
    tmp_path: Path, encoder: str, row: dict[str, object]
) -> None:
    with pytest.raises(DataError, match=r"train\.jsonl:1.*is not text"):
        made(tmp_path, encoder, "train.jsonl", *[json.dumps(row)] * 4)


@pytest.mark.parametrize("start", ["my[v2]-", "what? *-", "Große Daten "])
def test_files_with_any_characters_in_their_names_are_found(
    tmp_path: Path, encoder: str, start: str
) -> None:
    for name in ("dev-en.tsv", "test-en.tsv", "test-de.tsv"):
        (tmp_path / f"{start}{name}").write_text("\n".join(REVIEWS))
    (tmp_path / "myv-test-fr.tsv").write_text("\n".join(REVIEWS))
    found = made(tmp_path, encoder, f"{start}train-en.tsv", *REVIEWS)
    assert found.declaration["files"] == f"{start}{{split}}-{{language}}.tsv"
    assert found.declaration["splits"] == {"train": ["en"], "dev": ["en"], "test": ["en", "de"]}


@pytest.mark.parametrize("folder", ["a{b}", "{split}"])
def test_braces_that_would_be_placeholders_are_refused(
    tmp_path: Path, encoder: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / folder / "train-en.tsv"
    path.parent.mkdir()
    path.write_text("\n".join(REVIEWS))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"placeholders"):
        xstilts.new_task(path, encoder=encoder)
    assert xstilts.new_task(path, encoder=encoder, out=path.with_name("x.yaml")).file


def test_languages_in_folders_are_found(tmp_path: Path, encoder: str) -> None:
    (tmp_path / "de").mkdir()
    (tmp_path / "de/test.tsv").write_text("\n".join(["text\tlabel", *REVIEWS]))
    found = made(tmp_path, encoder, "en/train.tsv", "text\tlabel", *REVIEWS)
    assert found.declaration["files"] == "{language}/{split}.tsv"
    assert found.declaration["splits"] == {"train": ["en"], "test": ["de"]}


@pytest.mark.parametrize(
    ("name", "lines", "expected"),
    [
        ("train-en.conll", ["Ann X B-PER", "sat X O", ""], {"format": "tagging"}),
        ("train-en.txt", ["one line of text", "another line"], {"format": "masked_lm"}),
        (
            "train-en.jsonl",
            [
                json.dumps({"premise": "a b", "hypothesis": f"c {n}", "label": n % 3})
                for n in range(9)
            ],
            {
                "format": "classification",
                "rename": {"premise": "text", "hypothesis": "text_pair"},
                "labels": ["0", "1", "2"],
            },
        ),
        (
            "train-en.jsonl",
            [json.dumps({"sentence1": "a", "sentence2": "b", "score": n / 7}) for n in range(9)],
            {
                "format": "regression",
                "rename": {"sentence1": "text", "sentence2": "text_pair"},
            },
        ),
        (
            "train-en.jsonl",
            [json.dumps({"tokens": ["a", "b"], "ner_tags": ["O", "B-X"]})] * 3,
            {"format": "tagging", "rename": {"ner_tags": "tags"}, "labels": ["O", "B-X"]},
        ),
        (
            "train-en.csv",
            ["text,choice_0,choice_1,label", *["it is,warm,cold,0", "it was,red,blue,1"] * 4],
            {
                "format": "multiple_choice",
                "rename": {"choice_0": "choice1", "choice_1": "choice2"},
                "labels": ["0", "1"],
            },
        ),
    ],
)
def test_formats_are_guessed_and_all_rows_are_usable(
    tmp_path: Path, encoder: str, name: str, lines: list[str], expected: dict[str, object]
) -> None:
    found = made(tmp_path, encoder, name, *lines)
    assert {key: found.declaration.get(key) for key in expected} == expected
    (report,) = found.reports
    assert report.state is SplitState.FOUND
    assert found.batch


def test_the_first_batch_has_the_subwords_and_label_ids_of_the_encoder(
    tmp_path: Path, encoder: str
) -> None:
    from xstilts.models.encoder_import import load_tokenizer

    found = made(tmp_path, encoder, "train-en.tsv", "text\tlabel", *REVIEWS)
    tokenizer = load_tokenizer(Path(encoder))
    assert [seen.ids for seen in found.batch] == [
        tuple(tokenizer(row.split("\t")[0])["input_ids"]) for row in REVIEWS[:4]
    ]
    assert (
        [seen.labels[int(seen.target)] for seen in found.batch]
        == [  # type: ignore[arg-type]
            row.split("\t")[1] for row in REVIEWS[:4]
        ]
    )


@pytest.mark.parametrize(
    ("others", "tested"),
    [
        (["dev-en.tsv", "test-en.tsv", "test-de.tsv"], {("test", "en"), ("test", "de")}),
        ([], {("train[90%:]", "en")}),
    ],
)
def test_the_written_file_is_an_experiment_that_can_be_planned(
    tmp_path: Path, encoder: str, others: list[str], tested: set[tuple[str, str]]
) -> None:
    for name in others:
        (tmp_path / name).write_text("\n".join([*REVIEWS[:9], f"{name}\tgood"]))
    found = made(tmp_path, encoder, "train-en.tsv", *REVIEWS)
    assert found.file
    loaded = xstilts.load(found.file)
    assert loaded.experiment.name == "train-en"
    assert loaded.experiment.intermediate == ("none",)
    cells = xstilts.plan(loaded, tmp_path / "store").compiled.cells
    assert {(cell.split, cell.language) for cell in cells} == tested


def test_a_task_without_gold_answers_leaves_the_targets_to_add(
    tmp_path: Path, encoder: str
) -> None:
    found = made(tmp_path, encoder, "train-de.txt", "one line", "another line")
    assert found.file
    assert not found.is_target
    with pytest.raises(ConfigError, match="the key 'targets' is missing"):
        xstilts.load(found.file)


def test_no_file_is_replaced(tmp_path: Path, encoder: str) -> None:
    made(tmp_path, encoder, "train-en.tsv", "text\tlabel", *REVIEWS)
    with pytest.raises(ConfigError):
        made(tmp_path, encoder, "train-en.tsv", "text\tlabel", *REVIEWS)


def test_unclear_columns_and_unknown_endings_are_refused(tmp_path: Path, encoder: str) -> None:
    with pytest.raises(DataError, match="columns are unclear"):
        made(tmp_path, encoder, "train-en.tsv", "1\t2\t3", "4\t5\t6")
    with pytest.raises(ConfigError, match=r"\.conll"):
        made(tmp_path, encoder, "train-en.xlsx", "x")


def test_a_table_with_semicolons_is_refused_with_the_separators_that_are_read(
    tmp_path: Path, encoder: str
) -> None:
    with pytest.raises(DataError, match="semicolons") as caught:
        made(tmp_path, encoder, "train.csv", *[row.replace("\t", ";") for row in REVIEWS])
    assert str(caught.value.where).endswith("train.csv:1")


def test_the_command_fits_80_columns_and_has_json(
    tmp_path: Path, encoder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    Path("train-en.tsv").write_text("\n".join(["text\tlabel", *REVIEWS]))
    words = ["tasks", "new", "train-en.tsv", "--encoder", encoder]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert max(map(len, shown.output.splitlines())) <= 80
    assert "labels: [bad, good]" in shown.output
    as_json = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)
    assert as_json["declaration"]["labels"] == ["bad", "good"]


@pytest.mark.parametrize("words", [["tasks", "--json"], ["tasks", "xnli", "--json"], ["tasks"]])
def test_tasks_is_still_a_list_and_the_details_of_a_task(words: list[str]) -> None:
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    assert "xnli" in shown.output
