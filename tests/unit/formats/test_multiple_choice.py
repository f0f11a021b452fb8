"""Multiple choice: rows, batches, and transformers' head as the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer, XLMRobertaForMultipleChoice

import xstilts
from xstilts.core.errors import DataError
from xstilts.formats import FORMATS
from xstilts.formats.base import HeadShape, TokenizationConfig
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.models.encoder import Encoder
from xstilts.models.encoder_files import EncoderFiles
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.validate import validated
from xstilts.testing.tasks import check_task
from xstilts.testing.tiny import TEMPLATES, WORDS_BY_KIND, in_language, sentences
from xstilts.training.batching import by_length, collate
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import predict

SHORT = TokenizationConfig(max_length=64)

LABELS = ("0", "1", "2")
CHOICE = FORMATS.get("multiple_choice")


def rows(count: int = 9) -> list[dict[str, Any]]:
    made = []
    for number, (text, kind, _) in enumerate(sentences("train", count)):
        choices = [
            f"it is {name}" + " really" * place for place, name in enumerate(sorted(WORDS_BY_KIND))
        ]
        label = str(sorted(WORDS_BY_KIND).index(kind))
        made.append({"id": str(number), "text": text, "choices": choices, "label": label})
    return made


def test_every_choice_is_a_pair_with_the_text(root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    (feature, *_) = CHOICE.features(rows(), tokenizer, LABELS, SHORT)
    row = rows()[0]
    expected = [tokenizer(row["text"], choice)["input_ids"] for choice in row["choices"]]
    assert [text.ids for text in feature.texts] == expected
    assert feature.max_tokens == max(map(len, expected))
    assert feature.target == LABELS.index(row["label"])


def test_batches_contain_all_choices_of_an_example(root: Path) -> None:
    made = CHOICE.features(rows(), AutoTokenizer.from_pretrained(root), LABELS, SHORT)
    assert collate(made[:2], 1).ids.shape[0] == 6
    groups = list(by_length(made, 100))
    assert sorted(place for group in groups for place in group) == list(range(len(made)))
    for group in groups:
        longest = max(made[place].max_tokens for place in group)
        assert len(group) == 1 or 3 * len(group) * longest <= 100


def test_logits_loss_and_gradients_equal_transformers(root: Path) -> None:
    """XLMRobertaForMultipleChoice: first token, dense, tanh, one output per choice."""
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    model = initialised(encoder, {"t": HeadShape("multiple_choice", 3, 0.0, "cls")}, 0).eval()
    oracle = XLMRobertaForMultipleChoice.from_pretrained(root / "hf").eval()
    oracle.roberta.load_state_dict(encoder.model.state_dict(), strict=False)
    head = model.heads["t"]
    for ours, theirs in ((head.dense, oracle.roberta.pooler.dense), (head.out, oracle.classifier)):
        theirs.load_state_dict(ours.state_dict())
    made = CHOICE.features(rows(), AutoTokenizer.from_pretrained(root), LABELS, SHORT)
    batch, targets = collate(made, 1), CHOICE.training.targets(made, 0)
    logits = model("t", batch.ids, batch.mask, batch.types)
    loss = CHOICE.training.loss(logits, targets) / len(made)
    found = oracle(
        input_ids=batch.ids.view(len(made), 3, -1),
        attention_mask=batch.mask.view(len(made), 3, -1),
        labels=targets,
    )
    torch.testing.assert_close(logits.view(-1, 3), found.logits)
    torch.testing.assert_close(loss, found.loss)
    loss.backward()
    found.loss.backward()
    torch.testing.assert_close(head.out.weight.grad, oracle.classifier.weight.grad)


def test_predictions_follow_a_permutation_of_the_choices(root: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(root)
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    model = initialised(encoder, {"t": HeadShape("multiple_choice", 3, 0.0, "mean")}, 0)

    def chosen(turned: int) -> list[str]:
        changed = [
            {**row, "choices": row["choices"][turned:] + row["choices"][:turned]} for row in rows()
        ]
        made = CHOICE.features(changed, tokenizer, LABELS, SHORT)
        found = predict(model, "t", "multiple_choice", made, LABELS, 1, TokenizationConfig())
        return [row["choices"][int(label)] for row, label in zip(changed, found, strict=True)]

    assert chosen(0) == chosen(1) == chosen(2)


def test_the_probability_is_that_of_the_softmax_over_the_choices(root: Path) -> None:
    encoder = Encoder(EncoderFiles(root), torch.arange(160))
    model = initialised(encoder, {"t": HeadShape("multiple_choice", 3, 0.0, "mean")}, 0).eval()
    made = CHOICE.features(rows(), AutoTokenizer.from_pretrained(root), LABELS, SHORT)
    batch = collate(made, 1)
    with torch.no_grad():
        table = model("t", batch.ids, batch.mask, batch.types).view(-1, 3).softmax(-1)
    arguments = (model, "t", "multiple_choice", made, LABELS, 1, TokenizationConfig())
    answers = predict(*arguments, with_probabilities=True)
    assert [one.prediction for one in answers] == list(predict(*arguments))
    for row, one in zip(table.tolist(), answers, strict=True):
        assert one.probability == pytest.approx(max(row), abs=6e-5)
        assert row[int(one.prediction)] == max(row)
        assert one.probability == round(one.probability, 4)


def task(*examples: ChoiceExample) -> TaskSpec:
    return TaskSpec(
        name="mine",
        version=1,
        format="multiple_choice",
        splits={"train": ("en",)},
        labels=LABELS,
        metrics=("accuracy",),
        read=lambda split, language: examples,
        fingerprint=lambda split, language: "",
    )


def test_a_multiple_choice_task_passes_check_task() -> None:
    made = [ChoiceExample(str(n), f"text {n}", ("a", "b", "c"), LABELS[n % 3]) for n in range(9)]
    check_task(task(*made))


@pytest.mark.parametrize(
    ("choices", "label", "message"),
    [
        (("a", "b"), "0", "not as many choices as labels: 2, 3"),
        (("a", "", "c"), "0", "empty text"),
        (("a", "b", "c"), "3", "label outside the set"),
    ],
)
def test_malformed_rows_are_named(choices: tuple[str, ...], label: str, message: str) -> None:
    bad = task(ChoiceExample("1", "x", choices, label))
    with pytest.raises(DataError, match=message):
        validated(bad.read("train", "en"), bad, "train", "en")


EXPERIMENT = """\
name: choices
encoder: {encoder}
intermediate: [none, pick]
targets: [pick, search]
recipes:
  intermediate: &recipe {{learning_rate: 5.0e-3, epochs: 2, batch_size: 8, num_evals: 1}}
  target: *recipe
tasks:
  pick:
    format: multiple_choice
    files: "pick-{{split}}-{{language}}.tsv"
    splits: {{train: [en], dev: [en], test: [en, xx]}}
    columns: [text, choice1, choice2, choice3, label]
    labels: ["0", "1", "2"]
  search:
    format: retrieval
    files: "search-{{split}}-{{language}}.tsv"
    splits: {{test: [en, xx]}}
    columns: [text, meaning]
"""


@pytest.mark.usefixtures("in_process")
def test_an_experiment_on_user_files_runs_to_scores(root: Path, tmp_path: Path) -> None:
    for split, language in (("train", "en"), ("dev", "en"), ("test", "en"), ("test", "xx")):
        lines = [
            "\t".join([in_language(row["text"], language), *row["choices"], row["label"]])
            for row in rows(24)
        ]
        (tmp_path / f"pick-{split}-{language}.tsv").write_text("\n".join(lines))
    for language in ("en", "xx"):
        lines = [
            f"{in_language(frame, language)}\t{number}" for number, frame in enumerate(TEMPLATES)
        ]
        (tmp_path / f"search-test-{language}.tsv").write_text("\n".join(lines))
    path = tmp_path / "choices.yaml"
    path.write_text(EXPERIMENT.format(encoder=root / "hf"))
    loaded = xstilts.load(str(path))
    outcome = xstilts.run(loaded, tmp_path / "store", workers=1)
    assert outcome.exit_code == 0, outcome.failed
    frame = xstilts.results(loaded, tmp_path / "store")
    assert set(frame[frame["target"] == "pick"]["language"]) == {"en", "xx"}
    assert set(frame["intermediate"]) == {"none", "pick"}
