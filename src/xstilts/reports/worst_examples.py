"""The worst test examples of a target, side by side in English and a second language.

Where the two tests have the same ids, they are translations of each other: shown are the examples
that lose most from English to the other language. Otherwise each language has its own worst ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis.gains import ENGLISH
from xstilts.formats.image_text.checks import SOURCE
from xstilts.languages import language
from xstilts.reports.answered_tests import AnsweredTest, answer_text, text_of

EXAMPLES = 4
"""Examples of a target, at most."""
SAME_GOLD = 0.9
"""Share of pairs with the same label, at least, if ids are those of translations."""
RIGHT = 1 - 1e-9


@dataclass(frozen=True)
class AnswerShown:
    """The answer of a setting, and whether it is right; None if it is right in part."""

    setting: str
    answer: str
    is_right: bool | None


@dataclass(frozen=True)
class ExampleShown:
    """An example in one language."""

    language: str
    code: str
    id: str
    text: str
    gold: str
    answers: tuple[AnswerShown, ...]


@dataclass(frozen=True)
class WorstExamples:
    """The worst examples of a target: English and the other language, in rows.

    Args:
        seed: of the answers that are shown; the choice is by the mean over seeds.
        are_parallel: whether the two of a row are translations.
    """

    target: str
    setting: str
    second: str
    seed: int
    are_parallel: bool
    rows: tuple[tuple[ExampleShown, ...], ...]


Settings = Mapping[str, AnsweredTest]
"""Setting → its test in one language; the one by which examples are chosen is the last."""


def worst_examples(
    target: str, tests: Mapping[str, Sequence[AnsweredTest]]
) -> WorstExamples | None:
    """The worst examples of a target; None if no metric scores its examples, or it has images.

    Args:
        tests: setting → its tests; the last setting chooses the examples.
    """
    setting = list(tests)[-1]
    by_language: dict[str, dict[str, AnsweredTest]] = {}
    for name, of in tests.items():
        for test in of:
            by_language.setdefault(test.language, {})[name] = test
    scored = {
        code: settings
        for code, settings in by_language.items()
        if setting in settings and settings[setting].scores and not _has_images(settings[setting])
    }
    others = [code for code in scored if code != ENGLISH]
    if not others:
        return None
    second = min(others, key=lambda code: (_mean(scored[code][setting]), code))
    english, other = scored.get(ENGLISH), scored[second]
    parallel = english is not None and _are_parallel(english[setting], other[setting])
    if english is not None and parallel:
        names = _lost(english[setting], other[setting])
        rows = [(_shown(english, name), _shown(other, name)) for name in names[:EXAMPLES]]
    else:
        columns = [
            [_shown(settings, name) for name in _lowest(settings[setting])[:EXAMPLES]]
            for settings in (english, other)
            if settings is not None
        ]
        rows = list(zip(*columns, strict=False))
    if not rows:
        return None
    seed = other[setting].cells[0].seed
    return WorstExamples(target, setting, language(second).name, seed, parallel, tuple(rows))


def _has_images(test: AnsweredTest) -> bool:
    return any(SOURCE in row for row in test.rows.values())


def _mean(test: AnsweredTest) -> float:
    return sum(test.scores.values()) / len(test.scores)


def _are_parallel(english: AnsweredTest, other: AnsweredTest) -> bool:
    """Whether ids are shared, and with them the labels of texts."""
    common = [name for name in other.rows if name in english.rows]
    if not common or len(common) < len(other.rows) / 2:
        return False
    if other.gold_spec.class_of != "text":
        return True
    same = sum(english.gold(name) == other.gold(name) for name in common)
    return bool(same >= SAME_GOLD * len(common))


def _lost(english: AnsweredTest, other: AnsweredTest) -> list[str]:
    """Examples that are worse in the other language, the largest loss first."""
    scores, known = other.scores, english.scores
    lost = [name for name in scores if name in known and scores[name] < RIGHT]
    return sorted(lost, key=lambda name: (scores[name] - known[name], scores[name]))


def _lowest(test: AnsweredTest) -> list[str]:
    """Examples that are not right, the worst first."""
    wrong = [name for name, score in test.scores.items() if score < RIGHT]
    return sorted(wrong, key=lambda name: test.scores[name])


def _shown(settings: Settings, name: str) -> ExampleShown:
    test = list(settings.values())[-1]
    spoken = language(test.language)
    row, gold = test.rows[name], test.gold(name)
    return ExampleShown(
        spoken.name,
        spoken.code,
        name,
        text_of(row, test.gold_spec.column),
        answer_text(gold, row),
        tuple(_answers(settings, name)),
    )


def _answers(settings: Settings, name: str) -> Iterator[AnswerShown]:
    for setting, test in settings.items():
        answers = test.first_predictions
        if name in answers and test.seed_scores:
            score = test.seed_scores[0].get(name, 0.0)
            right = True if score >= RIGHT else False if score <= 0 else None
            yield AnswerShown(setting, answer_text(answers[name], test.rows[name]), right)
