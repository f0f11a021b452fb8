"""Span questions: windows, targets, answers, and malformed files."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import AutoTokenizer

import xstilts
from xstilts.core.errors import DataError
from xstilts.formats import FORMATS, training_of
from xstilts.formats.base import BadRow, Feature, TokenizationConfig
from xstilts.formats.io.squad import read_squad
from xstilts.formats.span import SpanExample
from xstilts.models.encoder_import import import_encoder
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import validated
from xstilts.testing.tasks import check_task
from xstilts.testing.tiny import TEMPLATES, WORDS_BY_KIND, write_encoder
from xstilts.training.batching import collate

SHORT = TokenizationConfig(max_length=64)

SPAN = FORMATS.get("span")
SPAN_HEAD = training_of("span")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_encoder(tmp_path_factory.mktemp("encoder") / "hf")


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def row(context: str, answer: str | None, question: str = "where is my cat now") -> dict[str, Any]:
    answers = [answer] if answer is not None else []
    starts = [context.index(answer)] if answer is not None else []
    return {
        "id": "1",
        "question": question,
        "context": context,
        "answers": answers,
        "starts": starts,
    }


def text_of(feature: Feature, first: int, last: int) -> str:
    return feature.context[feature.offsets[first][0] : feature.offsets[last][1]].strip()


LONG = " ".join(f"I saw a {thing} today" for kind in WORDS_BY_KIND.values() for thing in kind)


def test_a_short_text_is_one_window_in_the_template_of_the_encoder(tokenizer: Any) -> None:
    given = row("I saw a cat today", "cat")
    (feature,) = SPAN.features([given], tokenizer, (), SHORT)
    assert feature.ids == tokenizer(given["question"], given["context"])["input_ids"]
    assert text_of(feature, *feature.target) == "cat"  # type: ignore[misc]


def test_every_answer_is_complete_in_some_window(tokenizer: Any) -> None:
    for kind in WORDS_BY_KIND.values():
        for thing in kind:
            answer = f"{thing} today"
            windows = SPAN.features(
                [row(LONG, answer)], tokenizer, (), TokenizationConfig(max_length=48)
            )
            assert len(windows) > 2
            assert all(len(window.ids) <= 48 for window in windows)
            held = [window for window in windows if window.target != [0, 0]]
            assert held
            for window in held:
                assert text_of(window, *window.target) == answer  # type: ignore[misc]


def test_windows_cover_the_text_and_each_token_is_scored_once(tokenizer: Any) -> None:
    windows = SPAN.features([row(LONG, "cat")], tokenizer, (), TokenizationConfig(max_length=48))
    whole = tokenizer(LONG, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    starts = [window.offsets[place] for window in windows for place in window.words]
    assert sorted(starts) == sorted(tuple(piece) for piece in whole)
    for window in windows:
        assert all(window.offsets[place][0] >= 0 for place in window.words)


@pytest.mark.parametrize("segment", [0, 1])
def test_every_window_has_the_segment_ids_of_the_template(tokenizer: Any, segment: int) -> None:
    """XLM-R has one segment alone, BERT another one for the context."""
    from tokenizers.processors import TemplateProcessing

    own = copy.deepcopy(tokenizer)
    own.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair=f"<s> $A </s> </s> $B:{segment} </s>:{segment}",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    windows = SPAN.features([row(LONG, "cat")], own, (), TokenizationConfig(max_length=48))
    assert len(windows) > 2
    for window in windows:
        first = next(place for place, (start, _) in enumerate(window.offsets) if start >= 0)
        assert window.types == [0] * first + [segment] * (len(window.ids) - first)


@pytest.mark.parametrize("segment", [0, 1])
@pytest.mark.parametrize("place", [0, 1])
def test_a_context_without_subwords_is_a_window_without_a_start(
    tokenizer: Any, place: int, segment: int
) -> None:
    """A tokenizer that drops invisible characters, as BERT's does."""
    from tokenizers import Regex, normalizers
    from tokenizers.processors import TemplateProcessing

    own = copy.deepcopy(tokenizer)
    own.backend_tokenizer.normalizer = normalizers.Replace(Regex("\u200b"), "")
    own.backend_tokenizer.pre_tokenizer = WhitespaceSplit()
    own.backend_tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>",
        pair=f"<s> $A </s> $B:{segment} </s>:{segment}",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    rows = [row("my cat", None)]
    rows.insert(place, {**row("\u200b", None), "id": "2"})
    windows = {one.id: one for one in SPAN.features(rows, own, (), TokenizationConfig())}
    assert windows.keys() == {"1", "2"}
    assert windows["2"].words == ()
    assert {windows["1"].types[word] for word in windows["1"].words} == {segment}
    (alone,) = SPAN.features(rows[place : place + 1], own, (), TokenizationConfig())
    assert (alone.ids, alone.words) == (windows["2"].ids, ())


def test_a_question_without_an_answer_points_at_the_first_token(tokenizer: Any) -> None:
    (feature,) = SPAN.features([row("I saw a cat today", None)], tokenizer, (), SHORT)
    assert feature.target == [0, 0]


def test_long_questions_are_truncated(tokenizer: Any) -> None:
    (feature, *_) = SPAN.features(
        [row("a cat", "cat", "where is it " * 40)], tokenizer, (), TokenizationConfig(max_length=60)
    )
    outside = [place for place, piece in enumerate(feature.offsets) if piece == (-1, -1)]
    assert len(outside) <= 60 // 3 + 4
    assert feature.target != [0, 0]


def brute_force(logits: torch.Tensor, feature: Feature) -> tuple[float, str]:
    best, text = float("-inf"), ""
    for first in feature.words:
        for last in range(first, min(first + TokenizationConfig().answer_length, len(feature.ids))):
            score = float(logits[first, 0] + logits[last, 1])
            if feature.offsets[last][0] >= 0 and score > best:
                best, text = score, text_of(feature, first, last)
    return best, text


def test_the_best_span_equals_an_exhaustive_search(tokenizer: Any) -> None:
    """With short texts the 20 best starts and ends are enough to hold the best pair."""
    draw = torch.Generator().manual_seed(0)
    for number in range(40):
        rows = [row("I saw a cat today", "cat"), row(f"where is my dog {number}", "dog")]
        rows = [{**one, "id": str(place)} for place, one in enumerate(rows)]
        made = SPAN.features(rows, tokenizer, (), SHORT)
        batch = collate(made, 1)
        logits = torch.randn((*batch.ids.shape, 2), generator=draw)
        found = SPAN_HEAD.aggregate(
            made,
            SPAN_HEAD.predictions(logits, made, (), TokenizationConfig()),
            (),
            TokenizationConfig(),
        )
        wanted = [brute_force(part, feature)[1] for part, feature in zip(logits, made, strict=True)]
        assert found == wanted


def test_the_best_window_wins_unless_no_answer_scores_higher(tokenizer: Any) -> None:
    windows = SPAN.features([row(LONG, "knife")], tokenizer, (), TokenizationConfig(max_length=48))
    place = next(n for n, window in enumerate(windows) if window.target != [0, 0])
    first, last = windows[place].target  # type: ignore[misc]
    logits = torch.zeros(len(windows), max(window.max_tokens for window in windows), 2)
    assert first in windows[place].words
    logits[place, first, 0] = logits[place, last, 1] = 5.0
    predictions = SPAN_HEAD.predictions(logits, windows, (), TokenizationConfig())
    assert SPAN_HEAD.aggregate(windows, predictions, (), TokenizationConfig()) == ["knife"]
    logits[:, 0] = 6.0
    predictions = SPAN_HEAD.predictions(logits, windows, (), TokenizationConfig())
    assert SPAN_HEAD.aggregate(windows, predictions, (), TokenizationConfig()) == ["knife"]
    assert SPAN_HEAD.aggregate(windows, predictions, ("unanswerable",), TokenizationConfig()) == [
        ""
    ]
    logits[place, 0] = 0.0  # one window prefers its answer
    predictions = SPAN_HEAD.predictions(logits, windows, (), TokenizationConfig())
    assert [
        one.strip()
        for one in SPAN_HEAD.aggregate(
            windows, predictions, ("unanswerable",), TokenizationConfig()
        )
    ] == ["knife"]


def test_the_loss_is_the_mean_of_start_and_end(tokenizer: Any) -> None:
    made = SPAN.features([row("I saw a cat today", "cat")] * 3, tokenizer, (), SHORT)
    targets = SPAN_HEAD.targets(made, 0)
    logits = torch.randn(3, made[0].max_tokens, 2)
    expected = sum(
        torch.nn.functional.cross_entropy(logits[..., side], targets[:, side]) for side in (0, 1)
    )
    torch.testing.assert_close(SPAN_HEAD.loss(logits, targets) / targets.numel(), expected / 2)


def squad(count: int, seed: int = 0) -> dict[str, Any]:
    draw = random.Random(seed)
    paragraphs = []
    for number in range(count):
        thing = draw.choice([thing for kind in WORDS_BY_KIND.values() for thing in kind])
        context = f"{draw.choice(TEMPLATES).format(thing)} {number}"
        answer = {"text": thing, "answer_start": context.index(thing)}
        question = {"id": f"q{number}", "question": "what is it", "answers": [answer]}
        paragraphs.append({"context": context, "qas": [question]})
    return {"version": "1.1", "data": [{"title": "toy", "paragraphs": paragraphs}]}


def task(examples: list[SpanExample], labels: tuple[str, ...] = ()) -> TaskSpec:
    return TaskSpec(
        name="mine",
        version=1,
        format="span",
        splits={"train": ("en",)},
        labels=labels,
        metrics=("qa_mean",),
        read=lambda split, language: examples,
        fingerprint=lambda split, language: "",
    )


def test_squad_json_is_read_in_shuffled_order(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(squad(30)))
    found = read_squad(path)
    assert sorted(one.id for one in found) == sorted(f"q{n}" for n in range(30))
    assert [one.id for one in found] != [f"q{n}" for n in range(30)]
    assert found == read_squad(path)
    check_task(task(found))


def test_json_without_articles_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"paragraphs": []}))
    with pytest.raises(DataError, match="no 'data'"):
        read_squad(path)


@pytest.mark.parametrize(
    ("damage", "message", "bad"),
    [
        (lambda data: data[0]["paragraphs"][2].pop("context"), "no 'context'", 1),
        (lambda data: data[0].update(paragraphs={}), "'paragraphs' is not a list", 1),
        (lambda data: data[0]["paragraphs"][1]["qas"][0].pop("id"), "no 'id'", 1),
        (lambda data: data[0]["paragraphs"][2].update(context=["a"]), "'context' is not text", 1),
        (lambda data: data[0]["paragraphs"][2].update(qas=None), "'qas' is not a list", 1),
        (lambda data: data[0]["paragraphs"].append("text"), "no 'qas'", 1),
    ],
)
def test_questions_of_another_structure_are_bad_rows_with_their_location(
    tmp_path: Path, damage: Any, message: str, bad: int
) -> None:
    tree = squad(3)
    damage(tree["data"])
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tree))
    found = [row for row in read_squad(path) if isinstance(row, BadRow)]
    assert [row.problem for row in found] == [message] * bad
    assert all(row.where and row.where.startswith(f"{path}: data[0]") for row in found)


def test_answers_must_match_their_offsets() -> None:
    shifted = [SpanExample("1", "what", "a cat", ("cat",), (1,))]
    with pytest.raises(DataError, match="answer not in its context"):
        validated(shifted, task(shifted), "train", "en")
    nothing = [SpanExample("1", "what", "a cat", (), ())]
    with pytest.raises(DataError, match="no answer"):
        validated(nothing, task(nothing), "train", "en")
    assert len(validated(nothing, task(nothing, ("unanswerable",)), "train", "en")[0]) == 1
    blank = [SpanExample("1", "what", "a cat", ("",), (0,))]
    assert len(validated(blank, task(blank), "test", "en")[0]) == 1
    assert SPAN.gold_is_blank([("",), ("",)])
    assert not SPAN.gold_is_blank([("",), ("cat",), ()])


EXPERIMENT = """\
name: questions
encoder: {encoder}
intermediate: [none, ask]
targets: [ask, search]
recipes:
  intermediate: &recipe
    {{learning_rate: 5.0e-3, epochs: 6, batch_size: 8, num_evals: 1, max_length: 40}}
  target: *recipe
tasks:
  ask:
    format: span
    files: "ask-{{split}}-{{language}}.json"
    splits: {{train: [en], dev: [en], test: [en, xx]}}
  search:
    format: retrieval
    files: "search-{{split}}-{{language}}.tsv"
    splits: {{test: [en, xx]}}
    columns: [text, meaning]
"""


@pytest.mark.usefixtures("in_process")
def test_an_experiment_on_user_files_runs_to_scores(folder: Path, tmp_path: Path) -> None:
    for seed, (split, language) in enumerate(
        (("train", "en"), ("dev", "en"), ("test", "en"), ("test", "xx"))
    ):
        tree = squad(96 if split == "train" else 24, seed)
        (tmp_path / f"ask-{split}-{language}.json").write_text(json.dumps(tree))
    for language in ("en", "xx"):
        lines = "".join(f"{frame}\t{number}\n" for number, frame in enumerate(TEMPLATES))
        (tmp_path / f"search-test-{language}.tsv").write_text(lines)
    path = tmp_path / "questions.yaml"
    path.write_text(EXPERIMENT.format(encoder=folder))
    loaded = xstilts.load(str(path))
    outcome = xstilts.run(loaded, tmp_path / "store", workers=1)
    assert outcome.exit_code == 0, outcome.failed
    frame = xstilts.results(loaded, tmp_path / "store")
    asked = frame[(frame["target"] == "ask") & (frame["language"] == "en")]
    assert set(asked["metric"]) == {"qa_mean", "exact_match", "token_f1"}
    assert asked.set_index("metric")["value"]["token_f1"] > 0.5


def test_the_stored_encoder_reads_offsets_too(folder: Path, tmp_path: Path) -> None:
    import_encoder(folder, tmp_path)
    stored = AutoTokenizer.from_pretrained(tmp_path)
    (feature,) = SPAN.features([row("I saw a cat today", "cat")], stored, (), SHORT)
    assert text_of(feature, *feature.target) == "cat"  # type: ignore[misc]
