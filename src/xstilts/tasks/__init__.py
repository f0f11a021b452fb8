"""Tasks: what is trained on and tested. One file each; other packages add theirs."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.tasks.base import TaskSpec

TASKS: Registry[TaskSpec] = Registry(
    "task",
    "xstilts.tasks",
    {
        "home-intents": "xstilts.tasks.home.intents:TASK",
        "home-slots": "xstilts.tasks.home.slots:TASK",
        "home-nli": "xstilts.tasks.home.nli:TASK",
        "home-retrieval": "xstilts.tasks.home.retrieval:TASK",
        "anli": "xstilts.tasks.english.nli:ANLI",
        "anli-plus": "xstilts.tasks.english.nli:ANLI_PLUS",
        "ccg": "xstilts.tasks.english.ccg:CCG",
        "commonsenseqa": "xstilts.tasks.english.commonsenseqa:COMMONSENSEQA",
        "conll2000": "xstilts.tasks.english.conll2000:CONLL2000",
        "copa": "xstilts.tasks.english.copa:COPA",
        "cosmosqa": "xstilts.tasks.english.cosmosqa:COSMOSQA",
        "glue-rte": "xstilts.tasks.english.rte:GLUE_RTE",
        "hellaswag": "xstilts.tasks.english.hellaswag:HELLASWAG",
        "mnli": "xstilts.tasks.english.nli:MNLI",
        "mrpc": "xstilts.tasks.english.paraphrase:MRPC",
        "piqa": "xstilts.tasks.english.piqa:PIQA",
        "qqp": "xstilts.tasks.english.paraphrase:QQP",
        "rte": "xstilts.tasks.english.rte:RTE",
        "sick": "xstilts.tasks.english.nli:SICK",
        "sick-relatedness": "xstilts.tasks.english.similarity:SICK_RELATEDNESS",
        "snli": "xstilts.tasks.english.nli:SNLI",
        "socialiqa": "xstilts.tasks.english.socialiqa:SOCIALIQA",
        "stsb": "xstilts.tasks.english.similarity:STSB",
        "squad-v1": "xstilts.tasks.english.squad:SQUAD_V1",
        "squad-v2": "xstilts.tasks.english.squad:SQUAD_V2",
        "winogrande": "xstilts.tasks.english.winogrande:WINOGRANDE",
        "mlqa": "xstilts.tasks.xtreme.mlqa:MLQA",
        "pan-x": "xstilts.tasks.xtreme.pan_x:PAN_X",
        "paws-x": "xstilts.tasks.xtreme.paws_x:PAWS_X",
        "tydiqa": "xstilts.tasks.xtreme.tydiqa:TYDIQA",
        "udpos": "xstilts.tasks.xtreme.udpos:UDPOS",
        "bucc": "xstilts.tasks.xtreme.bucc:BUCC",
        "tatoeba": "xstilts.tasks.xtreme.tatoeba:TATOEBA",
        "xnli": "xstilts.tasks.xtreme.xnli:XNLI",
        "xquad": "xstilts.tasks.xtreme.xquad:XQUAD",
        "mgsm-choice": "xstilts.tasks.multilingual.mgsm:MGSM_CHOICE",
        "sib200": "xstilts.tasks.multilingual.sib200:SIB200",
        "xcopa": "xstilts.tasks.multilingual.xcopa:XCOPA",
        "xvnli": "xstilts.tasks.multilingual.xvnli:XVNLI",
        "xwinograd": "xstilts.tasks.multilingual.xwinograd:XWINOGRAD",
    },
)
