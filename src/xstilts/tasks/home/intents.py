"""`home-intents`: which of 42 things does the command ask for?"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from xstilts.formats.classification import TextExample
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.home.common import CITATION, LICENCE, SOURCE, SPLITS, first
from xstilts.tasks.home.sampling import ENGLISH, corpus
from xstilts.tasks.home.sizes import sizes
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
def trained() -> frozenset[str]:
    """Intents that English train has examples of; nothing else can be tested fairly."""
    return frozenset(sentence.cell.intent for sentence in corpus(ENGLISH, "train"))


def read(split: str, language: str) -> Iterator[TextExample]:
    """Commands labelled with their intent."""
    sentences = (one for one in corpus(language, split) if one.cell.intent in trained())
    for number, sentence in enumerate(first(sentences, split)):
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
