"""Tiny models with random weights of the encoder families that xstilts is tested with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.testing.tiny import write_encoder

SIZES: Mapping[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 70,
}
ROTARY: Mapping[str, Any] = {**SIZES, "num_key_value_heads": 2, "head_dim": 16}
T5: Mapping[str, Any] = {"d_model": 32, "num_layers": 2, "num_heads": 2, "d_kv": 16, "d_ff": 48}
XLM: Mapping[str, Any] = {
    "emb_dim": 32,
    "n_layers": 2,
    "n_heads": 2,
    "max_position_embeddings": 70,
    "pad_index": 1,
}
VISION: Mapping[str, Any] = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "image_size": 32,
    "patch_size": 8,
}
"""The vision side of image-text models."""
NARROW: Mapping[str, Any] = {**SIZES, "embedding_size": 16}


@dataclass(frozen=True)
class EncoderFamily:
    """A family of encoders in transformers.

    Args:
        prefix: of the names of its classes.
        sizes: arguments of its config, for a tiny model.
        encoders: published encoders of the family.
        late_padding: whether its padding token is the last of the vocabulary.
        causal: whether a token's state depends on no later token.
        model: suffix of the name of the class of the encoder.
        images: whether it is the text side of an image-text model.
    """

    prefix: str
    sizes: Mapping[str, Any]
    encoders: str
    late_padding: bool = False
    causal: bool = False
    model: str = "Model"
    images: bool = False


FAMILIES: Mapping[str, EncoderFamily] = {
    "xlm-roberta": EncoderFamily("XLMRoberta", SIZES, "XLM-R, XLM-V, Glot500, e5-base, bge-m3"),
    "roberta": EncoderFamily("Roberta", SIZES, "RoBERTa"),
    "camembert": EncoderFamily("Camembert", SIZES, "CamemBERT"),
    "bert": EncoderFamily("Bert", SIZES, "mBERT, LaBSE, e5-small"),
    "xlm-roberta-xl": EncoderFamily("XLMRobertaXL", SIZES, "XLM-R XL and XXL"),
    "xmod": EncoderFamily(
        "Xmod", {**SIZES, "languages": ["en_XX", "de_DE"], "default_language": "en_XX"}, "X-MOD"
    ),
    "deberta-v2": EncoderFamily(
        "DebertaV2",
        {
            **SIZES,
            "relative_attention": True,
            "position_biased_input": False,
            "pos_att_type": ["p2c", "c2p"],
            "type_vocab_size": 0,
            "position_buckets": 8,
            "norm_rel_ebd": "layer_norm",
            "share_att_key": True,
        },
        "mDeBERTa-v3",
    ),
    "rembert": EncoderFamily(
        "RemBert", {**SIZES, "input_embedding_size": 16, "output_embedding_size": 24}, "RemBERT"
    ),
    "albert": EncoderFamily("Albert", NARROW, "ALBERT"),
    "electra": EncoderFamily("Electra", NARROW, "ELECTRA"),
    "mpnet": EncoderFamily("MPNet", SIZES, "MPNet"),
    "distilbert": EncoderFamily(
        "DistilBert",
        {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 70},
        "DistilBERT",
    ),
    "xlm": EncoderFamily("XLM", XLM, "XLM"),
    "modernbert": EncoderFamily(
        "ModernBert",
        {**SIZES, "global_attn_every_n_layers": 2, "local_attention": 4},
        "ModernBERT, mmBERT, Ettin",
        late_padding=True,
    ),
    "eurobert": EncoderFamily("EuroBert", ROTARY, "EuroBERT", late_padding=True),
    "nomic_bert": EncoderFamily("NomicBert", SIZES, "Nomic Embed"),
    "gemma3": EncoderFamily(
        "Gemma3Text",
        {**ROTARY, "num_key_value_heads": 1, "use_bidirectional_attention": True},
        "EmbeddingGemma",
    ),
    "mt5": EncoderFamily("MT5", T5, "mT5", model="EncoderModel"),
    "umt5": EncoderFamily("UMT5", T5, "umT5", model="EncoderModel"),
    "t5": EncoderFamily("T5", T5, "T5", model="EncoderModel"),
    "qwen3": EncoderFamily(
        "Qwen3", ROTARY, "Qwen3, Qwen3-Embedding", late_padding=True, causal=True
    ),
    "llama": EncoderFamily("Llama", ROTARY, "Llama", late_padding=True, causal=True),
    "mistral": EncoderFamily("Mistral", ROTARY, "Mistral", causal=True),
    "gemma2": EncoderFamily("Gemma2", ROTARY, "Gemma 2", causal=True),
    "siglip": EncoderFamily("Siglip", SIZES, "SigLIP", images=True),
    "siglip2": EncoderFamily("Siglip2", SIZES, "SigLIP 2", images=True),
    "clip": EncoderFamily("CLIP", SIZES, "CLIP", causal=True, images=True),
    "metaclip_2": EncoderFamily(
        "MetaClip2", SIZES, "MetaCLIP 2 (worldwide)", causal=True, images=True
    ),
}


def write_family(folder: Path, name: str, **changes: Any) -> Path:
    """Write a tiny model of a family and the toy tokenizer; returns the folder.

    Args:
        changes: to the arguments of the config; of image-text models, of their text side.
    """
    import torch
    import transformers
    from transformers import AutoTokenizer

    family = FAMILIES[name]
    write_encoder(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if family.late_padding:
        tokenizer.add_special_tokens({"pad_token": "<late-pad>"})
        tokenizer.save_pretrained(folder)
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": 0, "eos_token_id": 2}
    sizes = {"vocab_size": len(tokenizer), **special, **family.sizes, **changes}
    arguments = {"text_config": sizes, "vision_config": VISION} if family.images else sizes
    config = getattr(transformers, f"{family.prefix}Config")(**arguments)
    torch.manual_seed(0)
    getattr(transformers, f"{family.prefix}{family.model}")(config).save_pretrained(folder)
    return folder
