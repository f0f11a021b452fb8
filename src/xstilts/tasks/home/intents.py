"""`home-intents`: intent classification of voice commands, 42 intents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from xstilts.formats.classification import TextExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
from xstilts.tasks.home.splits import CITATION, LICENCE, SOURCE, SPLITS, take
from xstilts.tasks.home.templates import fingerprint

INTENTS = (
    "HassBroadcast", "HassCancelAllTimers", "HassCancelTimer", "HassClimateGetTemperature",
    "HassClimateSetFanMode", "HassClimateSetTemperature", "HassDecreaseTimer", "HassFanSetSpeed",
    "HassGetCurrentDate", "HassGetCurrentTime", "HassGetState", "HassGetWeather",
    "HassIncreaseTimer", "HassLawnMowerDock", "HassLawnMowerStartMowing", "HassLightSet",
    "HassListAddItem", "HassListCompleteItem", "HassListRemoveItem", "HassMediaNext",
    "HassMediaPause", "HassMediaPlayerMute", "HassMediaPlayerUnmute", "HassMediaPrevious",
    "HassMediaSearchAndPlay", "HassMediaUnpause", "HassNevermind", "HassPauseTimer",
    "HassRespond", "HassSetPosition", "HassSetVolume", "HassSetVolumeRelative",
    "HassShoppingListAddItem", "HassShoppingListCompleteItem", "HassStartTimer",
    "HassTimerStatus", "HassTurnOff", "HassTurnOn", "HassUnpauseTimer", "HassVacuumCleanArea",
    "HassVacuumReturnToBase", "HassVacuumStart",
)  # fmt: skip


@lru_cache(maxsize=1)
def trained_intents() -> frozenset[str]:
    """Intents with examples in English train; other intents cannot be learned."""
    return frozenset(sentence.cell.intent for sentence in corpus(ENGLISH, "train"))


def read(split: str, language: str) -> Iterator[TextExample]:
    """Yield commands labelled with their intent."""
    sentences = (
        sentence
        for sentence in corpus(language, split)
        if sentence.cell.intent in trained_intents()
    )
    for number, sentence in enumerate(take(sentences, split)):
        yield TextExample(f"{language}-{split}-{number}", sentence.text, sentence.cell.intent)


TASK = TaskSpec(
    name="home-intents",
    version=1,
    format="classification",
    splits=SPLITS,
    labels=INTENTS,
    metrics=("accuracy",),
    read=read,
    fingerprint=fingerprint,
    summary="which of 42 things does a voice command ask for?",
    source=SOURCE,
    licence=LICENCE,
    citation=CITATION,
    sizes=sizes("home-intents"),
)
