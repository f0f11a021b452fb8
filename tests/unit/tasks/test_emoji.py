"""Tasks on emoji: disjoint splits, aligned languages, and no shortcut to the answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable
from dataclasses import replace
from pathlib import Path

import pytest

from xstilts.core.errors import MissingPackageError
from xstilts.formats.image_text.classification import ImageTextExample
from xstilts.tasks import TASKS
from xstilts.tasks.emoji import names, pictures
from xstilts.tasks.emoji.inference import EMOJI_NLI
from xstilts.tasks.emoji.names import LANGUAGES, all_emoji, blocks, emoji_of, name_of, words_of
from xstilts.tasks.emoji.pictures import (
    COVERED,
    EMPTY,
    NOTO,
    OPENMOJI,
    SIZE,
    EmojiPictures,
    draw_picture,
    picture_id,
)
from xstilts.tasks.image_source import ImageProblem
from xstilts.testing.tasks import check_task

SPLITS = ("train", "dev", "test")
APPLE = "\N{RED APPLE}"


def examples(split: str, language: str = "en") -> list[ImageTextExample]:
    read = list(EMOJI_NLI.read(split, language))
    assert all(isinstance(one, ImageTextExample) for one in read)
    return [one for one in read if isinstance(one, ImageTextExample)]


def best_by(split: str, shortcut: Callable[[ImageTextExample], Hashable]) -> float:
    """Accuracy of the best classifier of a split that sees the shortcut alone."""
    counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
    for one in examples(split):
        counts[shortcut(one)][one.label] += 1
    right = sum(max(labels.values()) for labels in counts.values())
    return right / sum(sum(labels.values()) for labels in counts.values())


def is_covered(example: ImageTextExample) -> bool:
    return COVERED in example.images[0]


@pytest.mark.parametrize("split", SPLITS)
def test_no_shortcut_is_right_more_often_than_the_most_frequent_label(split: str) -> None:
    assert Counter(one.label for one in examples(split))["entailment"] / len(examples(split)) == 0.5
    for shortcut in (
        lambda one: one.text,
        lambda one: one.images,
        is_covered,
        lambda one: (one.text, is_covered(one)),
    ):
        assert best_by(split, shortcut) == 0.5


@pytest.mark.parametrize("split", ["dev", "test"])
def test_every_text_has_the_same_labels(split: str) -> None:
    labels = defaultdict(list)
    for one in examples(split):
        labels[one.text].append(one.label)
    expected = ["contradiction", "entailment", "entailment", "neutral"]
    assert {tuple(sorted(found)) for found in labels.values()} == {tuple(expected)}


def test_words_of_training_texts_do_not_predict_labels() -> None:
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for one in examples("train"):
        for word in one.text.split():
            votes[word][one.label] += 1
    right = 0
    for one in examples("test"):
        total = sum((votes[word] for word in one.text.split()), Counter[str]())
        right += total.most_common(1)[0][0] == one.label if total else 0
    assert right / len(examples("test")) <= 0.5


def test_labels_follow_from_text_and_picture() -> None:
    by_name = {name_of(emoji, "en"): picture_id("", emoji)[1:] for emoji in all_emoji()}
    for one in examples("test"):
        named = by_name[one.text]
        tiles = one.images[0].removeprefix("openmoji:").split("+")
        expected = "neutral" if COVERED in tiles else "contradiction"
        assert one.label == ("entailment" if named in tiles else expected)


def test_splits_share_no_emoji_and_have_all() -> None:
    parts = [set(emoji_of(split)) for split in SPLITS]
    assert set.union(*parts) == set(all_emoji())
    assert sum(map(len, parts)) == len(all_emoji())


def test_no_picture_of_the_test_set_shows_an_emoji_of_training() -> None:
    shown = {
        split: {tile for one in examples(split) for tile in one.images[0].split(":")[1].split("+")}
        - {COVERED, EMPTY}
        for split in SPLITS
    }
    assert not shown["train"] & (shown["dev"] | shown["test"])
    assert not shown["dev"] & shown["test"]


def test_languages_have_the_same_examples_with_names_of_their_own() -> None:
    english = examples("test")
    for language in set(LANGUAGES) - {"en"}:
        others = examples("test", language)
        pairs = list(zip(english, others, strict=True))
        assert all(replace(one, text="") == replace(other, text="") for one, other in pairs)
        assert sum(one.text == other.text for one, other in pairs) < 0.25 * len(pairs)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_emoji_have_one_name(language: str) -> None:
    assert len({name_of(emoji, language) for emoji in all_emoji()}) == len(all_emoji())


def test_emoji_of_a_block_share_no_word() -> None:
    for block in blocks("test", 8, "any"):
        assert sum(len(words_of(emoji)) for emoji in block) == len(
            frozenset().union(*map(words_of, block))
        )


@pytest.mark.parametrize("name", ["emoji-nli", "emoji-retrieval", "emoji-nli-without-image"])
def test_tasks_keep_their_contract_and_sizes(name: str) -> None:
    task = TASKS.get(name)
    check_task(task, languages=("en", "ja"))
    for split in SPLITS:
        assert sum(1 for _ in task.read(split, "en")) == task.sizes[split, "en"]


@pytest.mark.parametrize("style", [OPENMOJI, NOTO])
def test_every_emoji_is_drawn(style: str) -> None:
    if style == NOTO and not any(path.is_file() for path in pictures.NOTO_FILES):
        pytest.skip("no fonts-noto-color-emoji")
    drawn = {pictures._glyph(style, f"{ord(emoji):x}").tobytes() for emoji in all_emoji()[::5]}
    assert len(drawn) > 0.95 * len(all_emoji()[::5])


def test_a_picture_is_a_function_of_its_id() -> None:
    source = EmojiPictures(OPENMOJI)
    name = picture_id(OPENMOJI, APPLE, COVERED)
    first = source.read(name)
    source.read(picture_id(OPENMOJI, COVERED, APPLE))
    assert source.read(name) == first
    assert first.startswith(f"P6 {SIZE} {SIZE} 255\n".encode())


def test_tiles_are_left_and_right_and_one_is_grey() -> None:
    picture = draw_picture(OPENMOJI, COVERED, "1f34e")
    assert picture.getpixel((SIZE // 4, SIZE // 2)) == pictures.GREY
    right, left = picture.crop((SIZE // 2, 0, SIZE, SIZE)), picture.crop((0, 0, SIZE // 2, SIZE))
    assert right.getcolors(10_000) != left.getcolors(10_000)
    assert draw_picture(OPENMOJI, "1f34e").tobytes() != picture.tobytes()


@pytest.mark.parametrize("name", ["openmoji:not-hex", "noto:1f34e", "openmoji:e0001"])
def test_an_unknown_picture_is_a_problem_of_that_image(name: str) -> None:
    with pytest.raises(ImageProblem):
        EmojiPictures(OPENMOJI).read(name)


def test_a_missing_package_or_font_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingPackageError, match=r"xstilts\[vision\]"):
        names.package_version("no-such-package")
    monkeypatch.setattr(pictures, "NOTO_FILES", (Path("/no/such/font.ttf"),))
    with pytest.raises(MissingPackageError, match="fonts-noto-color-emoji"):
        EmojiPictures(NOTO).fingerprint()
