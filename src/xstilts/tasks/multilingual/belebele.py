"""Belebele: multiple-choice reading comprehension in 122 language variants.

The passages are FLORES-200's. The benchmark is a test set only. For fine-tuning, its authors have a
script (assemble_training_set.py) that assembles RACE, SciQ, MultiRC, MCTest, MCScript 2.0 and
ReClor into one English table, which is read here as the train and dev sets.
"""

from __future__ import annotations

from functools import partial

from xstilts.core.errors import DataError
from xstilts.formats.io.readers import FileRow, json_rows, parse_rows
from xstilts.formats.io.tables import quoted_tsv_rows
from xstilts.formats.multiple_choice import ChoiceExample
from xstilts.tasks.builders import task
from xstilts.tasks.english.cosmosqa import NUMBERS
from xstilts.tasks.io.sources import Hub, Local

_CODES = (
    "en:eng_Latn acm:acm_Arab af:afr_Latn sq:als_Latn am:amh_Ethi apc:apc_Arab ar:arb_Arab "
    "ar-Latn:arb_Latn ars:ars_Arab ary:ary_Arab arz:arz_Arab as:asm_Beng az:azj_Latn bm:bam_Latn "
    "bn:ben_Beng bn-Latn:ben_Latn bo:bod_Tibt bg:bul_Cyrl ca:cat_Latn ceb:ceb_Latn cs:ces_Latn "
    "ckb:ckb_Arab da:dan_Latn de:deu_Latn el:ell_Grek et:est_Latn eu:eus_Latn fi:fin_Latn "
    "fr:fra_Latn fuv:fuv_Latn om:gaz_Latn gn:grn_Latn gu:guj_Gujr ht:hat_Latn ha:hau_Latn "
    "he:heb_Hebr hi:hin_Deva hi-Latn:hin_Latn hr:hrv_Latn hu:hun_Latn hy:hye_Armn ig:ibo_Latn "
    "ilo:ilo_Latn id:ind_Latn is:isl_Latn it:ita_Latn jv:jav_Latn ja:jpn_Jpan kac:kac_Latn "
    "kn:kan_Knda ka:kat_Geor kk:kaz_Cyrl kea:kea_Latn mn:khk_Cyrl km:khm_Khmr rw:kin_Latn "
    "ky:kir_Cyrl ko:kor_Hang lo:lao_Laoo ln:lin_Latn lt:lit_Latn lg:lug_Latn luo:luo_Latn "
    "lv:lvs_Latn ml:mal_Mlym mr:mar_Deva mk:mkd_Cyrl mt:mlt_Latn mi:mri_Latn my:mya_Mymr "
    "nl:nld_Latn nb:nob_Latn ne:npi_Deva ne-Latn:npi_Latn nso:nso_Latn ny:nya_Latn or:ory_Orya "
    "pa:pan_Guru ps:pbt_Arab fa:pes_Arab mg:plt_Latn pl:pol_Latn pt:por_Latn ro:ron_Latn "
    "ru:rus_Cyrl shn:shn_Mymr si:sin_Sinh si-Latn:sin_Latn sk:slk_Latn sl:slv_Latn sn:sna_Latn "
    "sd:snd_Arab so:som_Latn st:sot_Latn es:spa_Latn sr:srp_Cyrl ss:ssw_Latn su:sun_Latn "
    "sv:swe_Latn sw:swh_Latn ta:tam_Taml te:tel_Telu tg:tgk_Cyrl tl:tgl_Latn th:tha_Thai "
    "ti:tir_Ethi tn:tsn_Latn ts:tso_Latn tr:tur_Latn uk:ukr_Cyrl ur:urd_Arab ur-Latn:urd_Latn "
    "uz:uzn_Latn vi:vie_Latn war:war_Latn wo:wol_Latn xh:xho_Latn yo:yor_Latn zh:zho_Hans "
    "zh-Hant:zho_Hant ms:zsm_Latn zu:zul_Latn"
)
FLORES = {code: name for code, _, name in (pair.partition(":") for pair in _CODES.split())}
"""The language variants, and what FLORES-200 calls them."""
DATASET = "facebook/belebele"
REVISION = "75b399394a9803252cfec289d103de462763db7c"
TRAINING_SET = "belebele/belebele_training_set.tsv"
LABELS = {str(number): label for number, label in enumerate(NUMBERS, start=1)}
"""The number of the right answer, which begins at 1 → its label."""


def _example(row: FileRow) -> ChoiceExample:
    """A question; its translations have its passage's link and its number in common."""
    name = "-".join(
        part
        for part in (row.optional_text("split"), row.text("link"), row.text("question_number"))
        if part
    )
    return _choices(row, name, "flores_passage", "mc_answer")


def _training_example(split: str, row: FileRow) -> ChoiceExample | None:
    part = row.text("split")
    if part not in ("train", "dev"):
        raise DataError("the split is neither train nor dev", where=row.where)
    return _choices(row, row.id, "passage", "answer") if part == split else None


def _choices(row: FileRow, name: str, passage: str, answer: str) -> ChoiceExample:
    """Passage and question are the text, as in Cosmos QA, which has as many answers."""
    text = f"{row.text(passage).strip()} {row.text('question').strip()}"
    choices = tuple(row.text(f"{answer}{number}") for number in LABELS)
    right = row.key("correct_answer_num").strip()
    if right and right not in LABELS:  # 0 would be taken for the first answer
        raise DataError("correct_answer_num is not 1, 2, 3 or 4", where=row.where)
    return ChoiceExample(name, text, choices, LABELS.get(right, ""), row.where)


PARSE = parse_rows(json_rows, _example)


def _local(split: str, language: str) -> tuple[Local, ...]:
    """The archive's folder, or a clone of the data set on the Hub."""
    if split != "test":
        parse = parse_rows(quoted_tsv_rows, partial(_training_example, split))
        return (Local((TRAINING_SET,), parse, part=split),)
    folders = ("Belebele", "belebele", "belebele/data")
    return tuple(Local((f"{folder}/{FLORES[language]}.jsonl",), PARSE) for folder in folders)


def _hub(split: str, language: str) -> Hub | None:
    if split != "test":
        return None
    return Hub(DATASET, REVISION, (f"data/{FLORES[language]}.jsonl",), PARSE)


BELEBELE = task(
    name="belebele",
    format="multiple_choice",
    sizes={"train": {"en": None}, "dev": {"en": None}, "test": dict.fromkeys(FLORES, 900)},
    local=_local,
    hub=_hub,
    dataset=DATASET,
    labels=NUMBERS,
    subwords=680,
    summary="reading comprehension with four answers in 122 language variants",
    licence="CC-BY-SA-4.0; the English training set CC-BY-NC",
    citation="Bandarkar et al. 2023, arXiv 2308.16884",
)
