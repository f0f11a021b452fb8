"""Tasks: what is trained on and tested. One file each; other packages add theirs."""

from __future__ import annotations

from xstilts.core.registry import Registry
from xstilts.tasks.base import TaskSpec
from xstilts.tasks.tasksource.names import is_tasksource


class TaskRegistry(Registry[TaskSpec]):
    """Tasks by name; those named `tasksource:NAME` are looked up when one is asked for."""

    def get(self, name: str, *, where: str | None = None) -> TaskSpec:
        """The task of that name.

        Raises:
            UnknownNameError: no such name; the message suggests the most similar one.
            ConfigError: a task of tasksource that is not downloaded, or cannot be read.
        """
        if not is_tasksource(name):
            return super().get(name, where=where)
        from xstilts.tasks.tasksource.task import find_task

        return find_task(name, where)

    def __contains__(self, name: object) -> bool:
        """Whether the name is registered, or one of tasksource, known there or not."""
        return super().__contains__(name) or (isinstance(name, str) and is_tasksource(name))


TASKS: Registry[TaskSpec] = TaskRegistry(
    "task",
    "xstilts.tasks",
    {
        "home-intents": "xstilts.tasks.home.intents:TASK",
        "home-slots": "xstilts.tasks.home.slots:TASK",
        "home-slots-actions": "xstilts.tasks.home.slots:ACTIONS",
        "home-slots-questions": "xstilts.tasks.home.slots:QUESTIONS",
        "home-nli": "xstilts.tasks.home.nli:TASK",
        "home-retrieval": "xstilts.tasks.home.retrieval:TASK",
        "home-text": "xstilts.tasks.home.text:TASK",
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
        "squad-retrieval": "xstilts.tasks.english.squad_retrieval:SQUAD_RETRIEVAL",
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
        "americasnli": "xstilts.tasks.multilingual.americasnli:AMERICASNLI",
        "belebele": "xstilts.tasks.multilingual.belebele:BELEBELE",
        "indicxnli": "xstilts.tasks.multilingual.indicxnli:INDICXNLI",
        "masakhaner": "xstilts.tasks.multilingual.masakhaner:MASAKHANER",
        "masakhanews": "xstilts.tasks.multilingual.masakhanews:MASAKHANEWS",
        "masakhapos": "xstilts.tasks.multilingual.masakhapos:MASAKHAPOS",
        "massive-intents": "xstilts.tasks.multilingual.massive:MASSIVE_INTENTS",
        "massive-slots": "xstilts.tasks.multilingual.massive:MASSIVE_SLOTS",
        "lareqa-mlqa-r": "xstilts.tasks.xtreme_r.lareqa:LAREQA_MLQA_R",
        "lareqa-xquad-r": "xstilts.tasks.xtreme_r.lareqa:LAREQA_XQUAD_R",
        "mewsli-x-pairs": "xstilts.tasks.xtreme_r.mewsli_x:MEWSLI_X_PAIRS",
        "mewsli-x": "xstilts.tasks.xtreme_r.mewsli_x:MEWSLI_X",
        "mgsm-choice": "xstilts.tasks.multilingual.mgsm:MGSM_CHOICE",
        "sib200": "xstilts.tasks.multilingual.sib200:SIB200",
        "xcopa": "xstilts.tasks.multilingual.xcopa:XCOPA",
        "xvnli": "xstilts.tasks.multilingual.xvnli:XVNLI",
        "xstorycloze": "xstilts.tasks.multilingual.xstorycloze:XSTORYCLOZE",
        "xwinograd": "xstilts.tasks.multilingual.xwinograd:XWINOGRAD",
        "emoji-nli": "xstilts.tasks.emoji.inference:EMOJI_NLI",
        "emoji-nli-noto": "xstilts.tasks.emoji.inference:EMOJI_NLI_NOTO",
        "emoji-nli-noto-without-image": "xstilts.tasks.emoji.inference:NOTO_WITHOUT_IMAGE",
        "emoji-nli-without-image": "xstilts.tasks.emoji.inference:EMOJI_NLI_WITHOUT_IMAGE",
        "emoji-retrieval": "xstilts.tasks.emoji.retrieval:EMOJI_RETRIEVAL",
        "flickr30k": "xstilts.tasks.xtreme_m.xflickrco:FLICKR30K_CAPTIONS",
        "gqa": "xstilts.tasks.xtreme_m.xgqa:GQA",
        "gqa-without-image": "xstilts.tasks.xtreme_m.xgqa:GQA_WITHOUT_IMAGE",
        "marvl": "xstilts.tasks.xtreme_m.marvl:MARVL",
        "marvl-without-image": "xstilts.tasks.xtreme_m.marvl:MARVL_WITHOUT_IMAGE",
        "nlvr2": "xstilts.tasks.xtreme_m.marvl:NLVR2",
        "nlvr2-without-image": "xstilts.tasks.xtreme_m.marvl:NLVR2_WITHOUT_IMAGE",
        "snli-ve": "xstilts.tasks.xtreme_m.xvnli:SNLI_VE",
        "snli-ve-without-image": "xstilts.tasks.xtreme_m.xvnli:SNLI_VE_WITHOUT_IMAGE",
        "xflickrco": "xstilts.tasks.xtreme_m.xflickrco:XFLICKRCO",
        "xgqa": "xstilts.tasks.xtreme_m.xgqa:XGQA",
        "xgqa-without-image": "xstilts.tasks.xtreme_m.xgqa:XGQA_WITHOUT_IMAGE",
        "xvnli-image": "xstilts.tasks.xtreme_m.xvnli:XVNLI_IMAGE",
        "xvnli-image-without-image": "xstilts.tasks.xtreme_m.xvnli:XVNLI_IMAGE_WITHOUT_IMAGE",
    },
)
