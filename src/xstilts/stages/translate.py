"""`translate`: prepared examples in another language, by machine translation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.config.experiment import TranslatorConfig
from xstilts.core.errors import ConfigError, DataError
from xstilts.formats import FORMATS
from xstilts.stages.base import StageContext
from xstilts.stages.io.prepared_inputs import write_inputs
from xstilts.stages.io.rows import read_rows, write_rows
from xstilts.stages.prepare import ROWS
from xstilts.translate import key_params, open_translator
from xstilts.translate.base import Translator
from xstilts.translate.resume import TranslatedBatch, TranslationLog
from xstilts.translate.row_fields import texts_of, translated, translation_of

DROPPED = "dropped"
"""Fact: reason → examples that are left out for it."""
UNTRANSLATED = "text without a translation"
BATCH = 200
"""Distinct texts per batch, which an interruption may cost."""


def run(context: StageContext) -> dict[str, Any]:
    """Write `rows.parquet` as `prepare` does; facts: rows, what was dropped, unknown words.

    Parameters: `translator` (see `xstilts.translate.key_params`), `source`, `target`, `format`;
    context: `translator` (the choice), `folder`, `task`. Labels and ids stay; an example
    without a complete translation is left out. With `untranslated: keep`, for evaluation, texts
    without a translation stay as they are and are counted as problems of the data.

    Raises:
        ConfigError: the format cannot be translated, or the translator is not as planned.
        DataError: no example is left.
    """
    spec, target = translation_of(context.params["format"]), context.params["target"]
    rows = read_rows(context.inputs["rows"] / ROWS)
    texts = list(dict.fromkeys(text for row in rows for text in texts_of(row, spec.columns)))
    batches = _translations(context, texts)
    spoken = [text if text.strip() else "" for batch in batches for text in batch.translations]
    untranslated = sum(not text for text in spoken)
    translations = dict(zip(texts, spoken, strict=True))
    if context.params.get("untranslated") == "keep":
        if untranslated == len(texts):
            raise DataError(
                "no text has a translation",
                todo="check the translator, or leave out translate_test",
            )
        translations = {text: found or text for text, found in translations.items()}
        context.feature_problems += Counter({UNTRANSLATED: untranslated})
    outcome = [translated(row, spec, translations, target) for row in rows]
    kept = [row for row, _ in outcome if row is not None]
    dropped = Counter(why for row, why in outcome if row is None)
    if not kept:
        reasons = ", ".join(f"{why}: {count}" for why, count in sorted(dropped.items()))
        raise DataError(
            f"no example is left ({reasons})",
            todo="check the translator; a file of translations needs the texts of the data, "
            "character by character",
        )
    write_rows(context.folder / ROWS, kept)
    write_inputs(context.folder, FORMATS.get(context.params["format"]), kept)
    return {
        "rows": len(kept),
        "available": len(rows),
        DROPPED: dict(sorted(dropped.items())),
        "texts": len(texts),
        "untranslated": untranslated,
        "unknown_words": sum(batch.unknown for batch in batches),
    }


def _translations(context: StageContext, texts: Sequence[str]) -> list[TranslatedBatch]:
    """The translations of the texts in batches, resuming after those of an interrupted run."""
    finished = TranslationLog(context.checkpoint_folder, context.stage.key)
    pieces = [texts[first : first + BATCH] for first in range(0, len(texts), BATCH)]
    done = finished.read()
    if done:
        context.notes.append(f"resumed after {len(done)} of {len(pieces)} batches")
    if len(done) == len(pieces):
        return done
    translator = _translator(context)
    for number, piece in enumerate(pieces[len(done) :], start=len(done) + 1):
        before = translator.unknown
        translations = translator.translate(piece)
        done.append(TranslatedBatch(translations, translator.unknown - before))
        finished.add(done[-1])
        context.report_progress({"step": number, "steps": len(pieces)})
    return done


def _translator(context: StageContext) -> Translator:
    local = context.stage.context
    choice = TranslatorConfig.model_validate(local["translator"])
    source, target = context.params["source"], context.params["target"]
    chosen = choice, source, target, Path(local["folder"]), local["task"]
    _check_unchanged(context, *chosen)
    translator = open_translator(*chosen)
    _check_unchanged(context, *chosen)  # its files may have changed while they were read
    return translator


def _check_unchanged(context: StageContext, choice: TranslatorConfig, *rest: Any) -> None:
    """Check that a translator is the one that the stage's key names.

    Raises:
        ConfigError: its files or its version differ from those of the plan.
    """
    if key_params(choice, *rest) != context.params["translator"]:
        raise ConfigError(
            f"the translator {choice.engine} differs from the translator of the plan",
            where="translator",
            todo="its files or its version have changed: run again",
        )
