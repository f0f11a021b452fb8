"""`python -m bench.encoder_families`: the table of encoder families in docs/guide/encoders.md."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
import transformers

from xstilts.models.encoder import Encoder, layer_outputs
from xstilts.models.encoder_config import MASKED_HEAD_TYPES
from xstilts.models.encoder_files import EncoderFiles, model_class
from xstilts.models.encoder_import import import_encoder
from xstilts.models.text_towers import text_config_of
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.testing.merged_adapters import adapter_states
from xstilts.testing.plain_training import DECAYS_NORMS, train_twice
from xstilts.testing.tokenizer_kinds import KIND_OF, PLAIN, SPACED, differing_ids

TEXTS = ([0, 20, 41, 32, 57, 2], [0, 38, 24, 2])
COLUMNS = (
    *("family", "encoders", "states", "trained", "attention", "batches"),
    *("rows in view", "masked LM head", "LoRA", "tagging ids"),
)


def states_difference(files: EncoderFiles, hub: Path) -> float:
    """Largest difference of any hidden state from AutoModel's."""
    padding = files.tokenizer().pad_token_id
    ids = torch.full((len(TEXTS), len(TEXTS[0])), padding)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(TEXTS):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    config = text_config_of(transformers.AutoConfig.from_pretrained(hub, trust_remote_code=False))
    plain = model_class(config).from_pretrained(hub, config=config, trust_remote_code=False).eval()
    encoder = Encoder(files, files.used_ids(TEXTS)).eval()
    with torch.no_grad():
        wanted = plain(input_ids=ids, attention_mask=mask, output_hidden_states=True)
        states = encoder.hidden_states(ids, mask, torch.zeros_like(ids))
    pairs = zip(states, layer_outputs(wanted), strict=True)
    return max(float((got - want)[mask == 1].abs().max()) for got, want in pairs)


def tagging_ids(family: str) -> str:
    """Whether a tagged sentence has the sub-words of the sentence, by a family's tokenizers."""
    kinds = KIND_OF[family]
    if not kinds:
        return "no fast tokenizer"
    count = sum(differing_ids({**SPACED, **PLAIN}[kind]()) for kind in kinds)
    return f"{count} differ" if count else "same"


def row_of(name: str, folder: Path) -> tuple[str, ...]:
    """The table row of a family."""
    hub, stored = write_family(folder / "hub", name), folder / "imported"
    stored.mkdir()
    import_encoder(hub, stored)
    files, family = EncoderFiles(stored), FAMILIES[name]
    weights = train_twice(name, folder, trainer_groups=True).weights.values()
    trained = f"{max(float((ours - plain).abs().max()) for ours, plain in weights):.0e}"
    if name in DECAYS_NORMS:
        trained += ", decays norms"
    view, rows = len(files.used_ids(TEXTS)), len(files.full_embeddings())
    packed = Encoder(files, files.used_ids(TEXTS)).uses_packing
    adapters = adapter_states(stored, folder / "adapters")
    lora = f"{float((adapters.merged - adapters.unmerged).abs().max()):.0e}"
    refused = family.causal or family.images
    head = "read" if files.config().model_type in MASKED_HEAD_TYPES else "new"
    return (
        *(name, family.encoders, f"{states_difference(files, hub):.0e}", trained),
        *("causal" if family.causal else "bidirectional", "packed" if packed else "padded"),
        *(
            f"{view} of {rows}",
            "refused" if refused else head,
            lora,
            tagging_ids(name),
        ),
    )


def main() -> None:
    """Print the table."""
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + " --- |" * len(COLUMNS))
    for name in FAMILIES:
        with tempfile.TemporaryDirectory() as folder:
            print("| " + " | ".join(row_of(name, Path(folder))) + " |", flush=True)


if __name__ == "__main__":
    main()
