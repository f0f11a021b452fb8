"""Targets beyond XTREME-R: small files in each official format, and bad rows in them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest

import xstilts
from xstilts.core.errors import ConfigError
from xstilts.formats.classification import TextExample
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.formats.tagging import TaggedExample
from xstilts.languages import language
from xstilts.planning.compile import compile_experiment
from xstilts.tasks import TASKS
from xstilts.tasks.data_check import SplitReport, SplitState, check_split
from xstilts.tasks.multilingual.belebele import FLORES
from xstilts.tasks.multilingual.massive import INTENTS, SLOTS
from xstilts.tasks.origin import is_local
from xstilts.testing.task_files import jsonl, task, write
from xstilts.testing.tasks import check_task

TARGETS = {
    "xstorycloze": 11,
    "belebele": 122,
    "americasnli": 10,
    "indicxnli": 11,
    "masakhaner": 21,
    "masakhapos": 21,
    "masakhanews": 16,
    "massive-intents": 51,
    "massive-slots": 51,
}
"""Task → number of its languages."""
STORY = "InputStoryid\t" + "\t".join(f"InputSentence{n}" for n in range(1, 5))
STORY += "\tRandomFifthSentenceQuiz1\tRandomFifthSentenceQuiz2\tAnswerRightEnding\n"
PAIRS = "id\tlanguage\tpremise\thypothesis\tlabel\n"
ARTICLES = "category\theadline\ttext\turl\n"
TRAINING = "\tdataset\tsplit\tpassage_id\tquestion_id\tpassage\tquestion\t"
TRAINING += "answer1\tanswer2\tanswer3\tanswer4\tcorrect_answer\tcorrect_answer_num\n"

REQUESTS = (("alarm_set", "wake me [date : on {}]"), ("alarm_query", "[date : {} one] or two"))


def story(number: int, right: int, more: str = "") -> str:
    sentences = "\t".join(f"S{number}{n}{more}." for n in range(4))
    return f'id{number}{more}\t{sentences}\t"He said ""no""."\tShe won.\t{right}\n'


def question(number: int, right: str, **more: str) -> dict[str, object]:
    answers = {f"mc_answer{n}": f"a{number}{n}" for n in range(1, 5)}
    texts = {"link": "https://w", "flores_passage": "It rained.\n", "question": f"Why {number}?"}
    return {**texts, **answers, "question_number": number, "correct_answer_num": right, **more}


def training_row(number: int, split: str, right: int) -> str:
    cells = ["RACE", split, "p", str(number), f'"It, ""{split}"",\nrained."', f"Why {number}?"]
    return "\t".join([str(number), *cells, "a", "b", "c", "d", "b", str(right)]) + "\n"


def request(number: int, part: str, intent: str, said: str) -> dict[str, object]:
    plain = said.replace("[date : ", "").replace("]", "")
    row = {"id": f"{number}{part}", "locale": "x", "partition": part, "scenario": "s"}
    return {**row, "intent": intent, "utt": plain, "annot_utt": said, "worker_id": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in ("train", "eval"):
        name = f"xstorycloze/spring2016.val.en.tsv.split_20_80_{part}.tsv"
        write(tmp_path, name, STORY + story(1, 1, part) + story(2, 2, part))
    write(tmp_path, "Belebele/eng_Latn.jsonl", jsonl(question(1, "2"), question(2, "4")))
    rows = [training_row(n, split, n + 1) for split in ("train", "dev") for n in range(2)]
    write(tmp_path, "belebele/belebele_training_set.tsv", TRAINING + "".join(rows))
    for number, split in enumerate(("dev", "test")):
        pairs = f"1{number}\tay\ta\tb{split}\tneutral\n2{number}\tay\ta\tc{split}\tentailment\n"
        write(tmp_path, f"americasnli/data/anli_final/{split}/aym.tsv", PAIRS + pairs)
        nli = [{"premise": split, "hypothesis": str(n), "label": n} for n in range(3)]
        write(tmp_path, f"indicxnli/forward/{split}/xnli_ta.json", json.dumps(nli, indent=6))
    for split in ("train", "dev", "test"):
        ner = f"{split} O\nAnn B-PER\nLee I-PER\n\nLagos B-LOC\n{split} O\n"
        pos = f"{split} NOUN\nruns VERB\n\nrun VERB\n{split} NOUN\n"
        for place in ("en", "swa"):
            write(tmp_path, f"masakhane-ner/MasakhaNER2.0/transfer_corpus/{place}/{split}.txt", ner)
        write(tmp_path, f"masakhane-pos/transfer_corpus/en_ewt/{split}.txt", pos)
        write(tmp_path, f"masakhane-pos/data/yor/{split}.txt", pos)
        news = f'sports\tWon {split}\t"He said\n""go""."\t/u\nhealth\tIll {split}\tBed.\t/v\n'
        write(tmp_path, f"masakhane-news/data/eng/{split}.tsv", ARTICLES + news)
    parts = [
        request(number, part, intent, said.format(part))
        for part in ("train", "dev", "test")
        for number, (intent, said) in enumerate(REQUESTS)
    ]
    write(tmp_path, "1.0/data/en-US.jsonl", jsonl(*parts))
    return tmp_path


def only(name: str, folder: Path, split: str = "test", code: str = "en") -> SplitReport:
    return check_split(TASKS.get(name), split, code, folder)


def examples(name: str, folder: Path, split: str = "test", code: str = "en") -> dict[str, Any]:
    return {one.id: one for one in task(name, folder).read(split, code)}


@pytest.mark.parametrize("name", TARGETS)
def test_targets_pass_check_task_on_files_in_the_official_form(folder: Path, name: str) -> None:
    made = task(name, folder)
    have = {
        split: tuple(code for code in codes if is_local(made.origin(split, code)))
        for split, codes in made.splits.items()
    }
    assert all(have.values())
    check_task(replace(made, splits=have))


@pytest.mark.parametrize(("name", "count"), TARGETS.items())
def test_languages_are_those_of_the_release_and_in_the_table(name: str, count: int) -> None:
    made = TASKS.get(name)
    assert len(made.languages) == count
    assert {("test", code) for code in made.languages} <= made.sizes.keys()
    codes = {code for codes in made.splits.values() for code in codes}
    assert all(language(code).family != "unknown" for code in codes)


def test_training_tasks_match_format_and_labels_of_their_targets() -> None:
    for name in TARGETS:
        made = TASKS.get(name)
        source = TASKS.get(made.train_task or name)
        assert (source.format, source.labels) == (made.format, made.labels)
        assert all("en" in source.splits[split] for split in ("train", "dev"))
    assert TASKS.get("belebele").labels == TASKS.get("cosmosqa").labels
    assert TASKS.get("masakhaner").labels == TASKS.get("pan-x").labels
    assert TASKS.get("masakhapos").labels == TASKS.get("udpos").labels


def test_all_targets_and_languages_can_be_planned() -> None:
    compile_experiment(xstilts.load("home", [f"targets=[{', '.join(TARGETS)}]", "languages=all"]))


@pytest.mark.parametrize("target", ["americasnli", "indicxnli"])
@pytest.mark.parametrize("split", ["dev", "test"])
def test_training_on_the_part_of_xnli_that_a_target_translates_is_refused(
    target: str, split: str
) -> None:
    splits = f"splits={{xnli: {{train: {split}, dev: {split}}}}}"
    chosen = [f"targets=[{target}]", f"train_task={{{target}: xnli}}", "languages=all", splits]
    with pytest.raises(ConfigError, match="xnli would be trained on"):
        compile_experiment(xstilts.load("home", chosen))


@pytest.mark.parametrize(
    ("name", "split", "code", "file", "local"),
    [
        (
            "xstorycloze",
            "test",
            "en",
            "spring2016.val.en.tsv.split_20_80_eval.tsv",
            "xstorycloze/spring2016.val.en.tsv.split_20_80_eval.tsv",
        ),
        ("belebele", "test", "en", "data/eng_Latn.jsonl", "Belebele/eng_Latn.jsonl"),
        (
            "indicxnli",
            "dev",
            "ta",
            "forward/dev/xnli_ta.json",
            "indicxnli/forward/dev/xnli_ta.json",
        ),
    ],
)
def test_files_on_the_hub_are_read_as_local_ones_at_a_commit(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    split: str,
    code: str,
    file: str,
    local: str,
) -> None:
    def download(dataset: str, filename: str, *, repo_type: str, revision: str) -> str:
        assert (dataset, filename, len(revision)) == (TASKS.get(name).hub, file, 40)
        return str(folder / local)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    found = {one.id: one for one in TASKS.get(name).read(split, code)}
    assert found == examples(name, folder, split, code)


def test_a_story_is_four_sentences_and_two_endings(folder: Path) -> None:
    found = examples("xstorycloze", folder)["id2eval"]
    assert isinstance(found, ChoiceExample)
    assert found.text == "S20eval. S21eval. S22eval. S23eval."
    assert (found.choices, found.label) == (('He said "no".', "She won."), "1")
    assert (found.where or "").endswith("eval.tsv:3")


def test_columns_of_stories_may_have_the_names_of_the_hub(tmp_path: Path) -> None:
    names = ["story_id", *(f"input_sentence_{n}" for n in range(1, 5))]
    names += ["sentence_quiz1", "sentence_quiz2", "answer_right_ending"]
    rows = "\t".join(names) + "\n" + story(1, 1)
    write(tmp_path, "xstorycloze/spring2016.val.sw.tsv.split_20_80_eval.tsv", rows)
    assert examples("xstorycloze", tmp_path, code="sw")["id1"].label == "0"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (story(1, 1) + story(2, 2), "not the columns"),
        (STORY + story(1, 0), "the right ending is neither 1 nor 2"),
        (STORY + "id\tOnly this.\t1\n", "wrong number of columns"),
    ],
)
def test_malformed_stories_are_named_with_file_and_line(
    tmp_path: Path, text: str, problem: str
) -> None:
    write(tmp_path, "xstorycloze/spring2016.val.en.tsv.split_20_80_eval.tsv", text)
    report = only("xstorycloze", tmp_path)
    assert report.state is SplitState.BROKEN
    assert "eval.tsv:2: " in report.first[0]
    assert problem in report.first[0]


def test_belebele_answers_are_numbered_from_one(folder: Path) -> None:
    found = examples("belebele", folder)["https://w-1"]
    assert (found.text, found.label) == ("It rained. Why 1?", "1")
    assert found.choices == ("a11", "a12", "a13", "a14")


def test_belebele_trains_on_the_assembled_table(folder: Path) -> None:
    train, dev = (examples("belebele", folder, split) for split in ("train", "dev"))
    assert {one.label for one in train.values()} == {"0", "1"}
    assert not train.keys() & dev.keys()
    assert {one.text[:12] for one in dev.values()} == {'It, "dev",\nr'}


def test_variants_of_belebele_have_their_own_files(tmp_path: Path) -> None:
    assert len(FLORES.values()) == len(set(FLORES.values()))
    write(tmp_path, "belebele/data/zho_Hant.jsonl", jsonl(question(1, "1")))
    assert only("belebele", tmp_path, code="zh-Hant").rows == 1
    assert is_local(task("belebele", tmp_path).origin("test", "zh-Hant"))
    assert not is_local(task("belebele", tmp_path).origin("test", "zh"))


@pytest.mark.parametrize("right", ["0", "5", "1.5"])
def test_answers_outside_of_one_to_four_are_bad_rows(tmp_path: Path, right: str) -> None:
    rows = [question(n, "1") for n in range(30)] + [question(30, right)]
    write(tmp_path, "Belebele/eng_Latn.jsonl", jsonl(*rows))
    report = only("belebele", tmp_path)
    assert report.rows == 30
    assert "eng_Latn.jsonl:31" in report.first[0]


def test_translations_of_a_pair_have_the_id_of_xnli(folder: Path) -> None:
    found = examples("americasnli", folder, code="ay")
    assert {name: one.label for name, one in found.items()} == {
        "11": "neutral",
        "21": "entailment",
    }


def test_indicxnli_labels_are_in_the_order_of_xnli_on_the_hub(folder: Path) -> None:
    found = examples("indicxnli", folder, code="ta")
    labels = [found[f"test-{n}"].label for n in range(3)]
    assert labels == ["entailment", "neutral", "contradiction"]


def test_a_pair_of_indicxnli_without_a_known_label_is_named_with_its_line(tmp_path: Path) -> None:
    rows = [{"premise": "a", "hypothesis": str(n), "label": n % 3} for n in range(40)]
    rows.append({"premise": "a", "hypothesis": "b", "label": 3})
    text = json.dumps(rows, indent=1)
    write(tmp_path, "indicxnli/forward/test/xnli_hi.json", text)
    report = only("indicxnli", tmp_path, code="hi")
    line = text[: text.rindex("{")].count("\n") + 1
    assert report.rows == 40
    assert report.first[0] == (
        f"{tmp_path}/indicxnli/forward/test/xnli_hi.json:{line}: label outside the set: '3'"
    )


@pytest.mark.parametrize(
    ("name", "file", "code", "tags"),
    [
        (
            "masakhaner",
            "masakhane-ner/MasakhaNER2.0/transfer_corpus/twi",
            "tw",
            ("B-PER", "I-PER"),
        ),
        ("masakhapos", "masakhane-pos/data/twi", "tw", ("PROPN", "PROPN")),
    ],
)
def test_words_and_tags_are_separated_by_a_space(
    tmp_path: Path, name: str, file: str, code: str, tags: tuple[str, str]
) -> None:
    good = "".join(f"Ama{n} {tags[0]}\nAta {tags[1]}\n\n" for n in range(30))
    write(tmp_path, f"{file}/test.txt", f"{good}Kofi\tO\n\n")
    report = only(name, tmp_path, code=code)
    assert report.rows == 30
    assert report.counts == {"wrong number of columns": 1}
    assert "test.txt:91: " in report.first[0]
    found = examples(name, tmp_path, code=code)["test-0"]
    assert isinstance(found, TaggedExample)
    assert (found.tokens, found.tags) == (("Ama0", "Ata"), tags)


def test_an_article_begins_with_its_headline(folder: Path) -> None:
    found = examples("masakhanews", folder)["test-0"]
    assert isinstance(found, TextExample)
    assert (found.text, found.label) == ('Won test He said\n"go".', "sports")


def test_an_article_of_another_topic_is_named_with_its_line(tmp_path: Path) -> None:
    rows = "".join(f"sports\tWon {n}\tIt did.\t/u\n" for n in range(30))
    write(tmp_path, "masakhanews/lin/test.tsv", f"{ARTICLES}{rows}uncategorized\tA\tB\t/u\n")
    report = only("masakhanews", tmp_path, code="ln")
    assert report.rows == 30
    assert "lin/test.tsv:32: label outside the set: 'uncategorized'" in report.first[0]


def test_requests_are_those_of_the_partition(folder: Path) -> None:
    found = examples("massive-intents", folder, "dev")
    assert {name: one.label for name, one in found.items()} == {
        "0dev": "alarm_set",
        "1dev": "alarm_query",
    }
    assert (len(set(INTENTS)), len(set(SLOTS))) == (60, 55)


def test_splits_of_one_file_are_not_taken_for_one_another(folder: Path) -> None:
    chosen = ["targets=[massive-intents]", "intermediate=[none, massive-slots]", f"data={folder}"]
    compile_experiment(xstilts.load("home", [*chosen, "languages=[en]"]))
    tested = "splits={massive-slots: {train: test}}"
    with pytest.raises(ConfigError, match="same file"):
        compile_experiment(xstilts.load("home", [*chosen, "languages=[en]", tested]))
    made = task("belebele", folder)
    assert made.fingerprint("train", "en") != made.fingerprint("dev", "en")


@pytest.mark.parametrize(
    ("code", "annotated", "said", "slotted"),
    [
        (
            "en",
            "wake me [time : five am] [date : this week]",
            "wake me five am this week",
            "wake/O me/O five/B-time am/I-time this/B-date week/I-date",
        ),
        ("en", "[date : may] [date : june] on", "may june on", "may/B-date june/I-date on/O"),
        ("de", "um [time : fünf]?", "um fünf?", "um/O fünf?/B-time"),
        ("en", "no slots", "no slots", "no/O slots/O"),
        ("zh", "[date : 明天] 叫 CD 我", "明天 叫 CD 我", "明/B-date 天/I-date 叫/O CD/O 我/O"),
        ("ja", "[time : 五時]に 起こして", "五時に 起こして", "五/B-time 時/I-time に/O"),
    ],
)
def test_slots_are_tagged_as_in_the_authors_code(
    tmp_path: Path, code: str, annotated: str, said: str, slotted: str
) -> None:
    row = {**request(1, "test", "alarm_set", ""), "utt": said, "annot_utt": annotated}
    locales: Mapping[str, str] = {"en": "en-US", "de": "de-DE", "zh": "zh-CN", "ja": "ja-JP"}
    write(tmp_path, f"massive/{locales[code]}.jsonl", jsonl(row))
    found = examples("massive-slots", tmp_path, code=code)["1test"]
    pairs = [f"{word}/{tag}" for word, tag in zip(found.tokens, found.tags, strict=True)]
    expected = slotted.split()
    assert pairs[: len(expected)] == expected
    assert set(found.tags[len(expected) :]) <= {"O"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"annot_utt": "wake [date : on test] you"}, "annot_utt without its slots is not utt"),
        ({"annot_utt": "wake me [date on test 9]"}, "annot_utt without its slots is not utt"),
        ({"partition": "MMNLU-22"}, "the partition is not train, dev or test"),
    ],
)
def test_malformed_requests_are_named_with_file_and_line(
    tmp_path: Path, change: dict[str, str], problem: str
) -> None:
    rows = [request(n, "test", "alarm_set", f"wake me [date : on {n}]") for n in range(30)]
    rows.append({**request(9, "test", "alarm_set", "wake me [date : on test 9]"), **change})
    write(tmp_path, "massive/1.1/data/en-US.jsonl", jsonl(*rows))
    report = only("massive-slots", tmp_path)
    assert report.rows == 30
    assert report.counts == {problem: 1}
    assert "en-US.jsonl:31" in report.first[0]
