"""MASSIVE: the intents and slots of requests to a voice assistant, in 51 languages.

Slots follow the authors' code (massive's create_hf_dataset.py and convert_to_bio): words are
separated by white space, in Chinese and Japanese each character is a word unless it stands in
ASCII text, and adjacent slots of one type are one span. Both tasks have the same utterances.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from xstilts.core.errors import DataError
from xstilts.formats.base import Example
from xstilts.formats.classification import TextExample
from xstilts.formats.io.readers import FileRow, Parse, json_rows, parquet_rows, parse_rows
from xstilts.formats.tagging import TaggedExample
from xstilts.tasks.builders import HUB_SPLITS, names, same_size, task
from xstilts.tasks.io.sources import Hub, Local

_LOCALES = (
    "en-US af-ZA am-ET ar-SA az-AZ bn-BD cy-GB da-DK de-DE el-GR es-ES fa-IR fi-FI fr-FR he-IL "
    "hi-IN hu-HU hy-AM id-ID is-IS it-IT ja-JP jv-ID ka-GE km-KH kn-IN ko-KR lv-LV ml-IN mn-MN "
    "ms-MY my-MM nb-NO nl-NL pl-PL pt-PT ro-RO ru-RU sl-SL sq-AL sv-SE sw-KE ta-IN te-IN th-TH "
    "tl-PH tr-TR ur-PK vi-VN zh-CN"
)
LOCALES = {locale.partition("-")[0]: locale for locale in _LOCALES.split()} | {"zh-Hant": "zh-TW"}
"""Language → the name of its files."""
BY_CHARACTER = ("ja", "zh", "zh-Hant")
DATASET = "AmazonScience/massive"
REVISION = "3bedb939cedc4a3bc8b463dbe92b975d0c8758b9"
INTENTS = names(
    "datetime_query iot_hue_lightchange transport_ticket takeaway_query qa_stock general_greet "
    "recommendation_events music_dislikeness iot_wemo_off cooking_recipe qa_currency "
    "transport_traffic general_quirky weather_query audio_volume_up email_addcontact "
    "takeaway_order email_querycontact iot_hue_lightup recommendation_locations play_audiobook "
    "lists_createoradd news_query alarm_query iot_wemo_on general_joke qa_definition social_query "
    "music_settings audio_volume_other calendar_remove iot_hue_lightdim calendar_query "
    "email_sendemail iot_cleaning audio_volume_down play_radio cooking_query datetime_convert "
    "qa_maths iot_hue_lightoff iot_hue_lighton transport_query music_likeness email_query "
    "play_music audio_volume_mute social_post alarm_set qa_factoid calendar_set play_game "
    "alarm_remove lists_remove transport_taxi recommendation_movies iot_coffee music_query "
    "play_podcasts lists_query"
)
"""In the order of the classes on the Hub."""
SLOTS = names(
    "alarm_type app_name artist_name audiobook_author audiobook_name business_name business_type "
    "change_amount coffee_type color_type cooking_type currency_name date definition_word "
    "device_type drink_type email_address email_folder event_name food_type game_name game_type "
    "general_frequency house_place ingredient joke_type list_name meal_type media_type movie_name "
    "movie_type music_album music_descriptor music_genre news_topic order_type person "
    "personal_info place_name player_setting playlist_name podcast_descriptor podcast_name "
    "radio_name relation song_name sport_type time time_zone timeofday transport_agency "
    "transport_descriptor transport_name transport_type weather_descriptor"
)
TAGS = ("O", *(f"{prefix}-{slot}" for slot in SLOTS for prefix in "BI"))
ANNOTATION = re.compile(r"\[\s*(?P<slot>[^\s:\]]+)\s*:\s*(?P<text>[^\[\]]*?)\s*\]")
Slotted = tuple[str, str]
"""(word, its slot or nothing)."""


def _intent(row: FileRow) -> TextExample:
    return TextExample(row.text("id"), row.text("utt"), row.label("intent"), None, row.where)


def _slots(language: str, row: FileRow) -> TaggedExample:
    by_character = language in BY_CHARACTER
    slotted = list(_words(row.text("annot_utt"), by_character))
    words = tuple(word for word, _ in slotted)
    if words != tuple(word for word, _ in _split(row.text("utt"), by_character)):
        raise DataError("annot_utt without its slots is not utt", where=row.where)
    slots = ["", *(slot for _, slot in slotted)]
    tags = (_tag(before, slot) for before, slot in pairwise(slots))
    return TaggedExample(row.text("id"), words, tuple(tags), row.where)


def _tag(before: str, slot: str) -> str:
    if not slot:
        return "O"
    return f"I-{slot}" if slot == before else f"B-{slot}"


def _words(annotated: str, by_character: bool) -> Iterator[Slotted]:
    """The words of an utterance such as `wake me [date : on sunday]`, with their slots.

    The slot of a word is that of its first character.
    """
    text, slots, end = "", list[str](), 0
    for match in ANNOTATION.finditer(annotated):
        before = annotated[end : match.start()]
        text += before + match["text"]
        slots += [""] * len(before) + [match["slot"]] * len(match["text"])
        end = match.end()
    text += annotated[end:]
    slots += [""] * (len(annotated) - end)
    for word, position in _split(text, by_character):
        yield word, slots[position]


def _split(text: str, by_character: bool) -> Iterator[tuple[str, int]]:
    """The words of a text and their positions."""
    for match in re.finditer(r"\S+", text):
        if by_character and not match[0].isascii():
            yield from ((char, match.start() + n) for n, char in enumerate(match[0]))
        else:
            yield match[0], match.start()


def _of_split(example: Callable[[FileRow], Example], split: str, row: FileRow) -> Example | None:
    """The example of a row; none for rows of other splits, which are in the same file."""
    part = row.text("partition")
    if part not in HUB_SPLITS:
        raise DataError("the partition is not train, dev or test", where=row.where)
    return example(row) if part == split else None


def _local(
    example_of: Callable[[str], Callable[[FileRow], Example]], split: str, language: str
) -> tuple[Local, ...]:
    """The archive's folder `1.0` or `1.1`, also in a folder of the archive's name."""
    parse = parse_rows(json_rows, partial(_of_split, example_of(language), split))
    folders = ("massive", "massive/1.0/data", "1.0/data", "massive/1.1/data", "1.1/data")
    return tuple(
        Local((f"{folder}/{LOCALES[language]}.jsonl",), parse, part=split) for folder in folders
    )


def _hub(parse: Parse, split: str, language: str) -> Hub:
    # A commit of the branch refs/convert/parquet: the data set itself is a loading script.
    file = f"{LOCALES[language]}/massive-{HUB_SPLITS[split]}.parquet"
    return Hub(DATASET, REVISION, (file,), parse)


SIZES = {
    "train": same_size(tuple(LOCALES), 11_514),
    "dev": same_size(tuple(LOCALES), 2_033),
    "test": same_size(tuple(LOCALES), 2_974),
}
LICENCE = "CC-BY-4.0"
CITATION = "FitzGerald et al. 2022, arXiv 2204.08582"

MASSIVE_INTENTS = task(
    name="massive-intents",
    format="classification",
    sizes=SIZES,
    local=partial(_local, lambda _language: _intent),
    hub=partial(_hub, parse_rows(parquet_rows({"intent": INTENTS}), _intent)),
    dataset=DATASET,
    labels=INTENTS,
    subwords=12,
    summary="what does the user want? sixty intents in 51 languages",
    licence=LICENCE,
    citation=CITATION,
)
MASSIVE_SLOTS = task(
    name="massive-slots",
    format="tagging",
    sizes=SIZES,
    local=partial(_local, lambda language: partial(_slots, language)),
    hub=lambda split, language: _hub(
        parse_rows(parquet_rows(), partial(_slots, language)), split, language
    ),
    dataset=DATASET,
    labels=TAGS,
    metrics=("span_f1",),
    subwords=12,
    summary="the slots of what the user says: 55 types in 51 languages",
    licence=LICENCE,
    citation=CITATION,
)
