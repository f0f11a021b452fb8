"""An encoder in the store has the hidden states of AutoModel, for every family that loads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import transformers

from xstilts.core.errors import EncoderError
from xstilts.formats.base import Feature, HeadShape
from xstilts.models.chunked_lm_loss import cross_entropy
from xstilts.models.encoder import Encoder, frozen_encoder
from xstilts.models.encoder_config import FINAL_NORMS
from xstilts.models.encoder_files import EncoderFiles, model_class
from xstilts.models.encoder_import import import_encoder
from xstilts.models.pooling import pool
from xstilts.models.text_towers import text_config_of
from xstilts.testing.encoder_families import FAMILIES, write_family
from xstilts.training.multitask_model import initialised
from xstilts.training.predict import embed

TEXTS = ([0, 20, 41, 32, 57, 2], [0, 38, 24, 2])


class Imported(NamedTuple):
    """A family's tiny model: by transformers, and by the store."""

    plain: Any
    files: EncoderFiles
    ids: torch.Tensor
    mask: torch.Tensor


@pytest.fixture(scope="module")
def imported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Imported:
    folder = tmp_path_factory.mktemp(request.param)
    hub, stored = write_family(folder / "hf", request.param), folder / "stored"
    stored.mkdir()
    import_encoder(hub, stored)
    files = EncoderFiles(stored)
    padding = files.tokenizer().pad_token_id
    ids = torch.full((len(TEXTS), max(map(len, TEXTS))), padding)
    mask = torch.zeros_like(ids)
    for row, text in enumerate(TEXTS):
        ids[row, : len(text)] = torch.tensor(text)
        mask[row, : len(text)] = 1
    config = text_config_of(transformers.AutoConfig.from_pretrained(hub))
    plain = model_class(config).from_pretrained(hub, config=config).eval()
    return Imported(plain, files, ids, mask)


def plain_states(imported: Imported) -> Any:
    with torch.no_grad():
        output = imported.plain(
            input_ids=imported.ids, attention_mask=imported.mask, output_hidden_states=True
        )
    # text sides of image-text models leave the final norm out
    output.hidden_states = (*output.hidden_states[:-1], output.last_hidden_state)
    return output


def model_type(imported: Imported) -> str:
    return str(imported.files.config().model_type)


PROJECTIONS = {
    **dict.fromkeys(("siglip_text_model", "siglip2_text_model"), "head"),
    **dict.fromkeys(("clip_text_model", "metaclip_2_text_model"), "text_projection"),
}

families = pytest.mark.parametrize("imported", FAMILIES, indirect=True)


@families
def test_hidden_states_equal_those_of_auto_model(imported: Imported) -> None:
    ids, mask, types = imported.ids, imported.mask, torch.zeros_like(imported.ids)
    encoder = Encoder(imported.files, imported.files.used_ids([[3, 4]])).eval()
    encoder.set_vocab(imported.files.used_ids(TEXTS))
    with torch.no_grad():
        states, last = encoder.hidden_states(ids, mask, types), encoder(ids, mask, types)
    wanted = plain_states(imported)
    assert len(states) == len(wanted.hidden_states) == 3
    for got, want in zip(states, wanted.hidden_states, strict=True):
        torch.testing.assert_close(got[mask == 1], want[mask == 1], atol=1e-5, rtol=1e-4)
    for got in (last, states[-1]):
        torch.testing.assert_close(
            got[mask == 1], wanted.last_hidden_state[mask == 1], atol=1e-5, rtol=1e-4
        )


@families
def test_sentence_vectors_are_pooled_states_of_auto_model(imported: Imported) -> None:
    features = [Feature(str(n), text, [0] * len(text), 0) for n, text in enumerate(TEXTS)]
    encoder = frozen_encoder(imported.files)
    encoder.set_vocab(imported.files.used_ids(TEXTS))
    outputs = [(layer, how) for layer in (0, 1, 2) for how in ("cls", "mean", "last")]
    padding = imported.files.tokenizer().pad_token_id
    vectors = embed(encoder, features, padding, outputs, tokens=100)
    states = plain_states(imported).hidden_states
    for (layer, pooling), rows in vectors.items():
        wanted = pool(states[layer], imported.mask, pooling)
        if (layer, pooling) == (2, "last") and (name := PROJECTIONS.get(model_type(imported))):
            wanted = getattr(imported.plain, name)(wanted).detach()
        torch.testing.assert_close(torch.from_numpy(rows), wanted, atol=1e-5, rtol=1e-4)


@families
def test_the_final_norm_of_earlier_layers_is_that_of_the_last(imported: Imported) -> None:
    feature = Feature("0", TEXTS[0], [0] * len(TEXTS[0]), 0)
    encoder = frozen_encoder(imported.files)
    encoder.set_vocab(imported.files.used_ids(TEXTS))
    arguments = (encoder, [feature], imported.files.tokenizer().pad_token_id)
    outputs = [(1, "mean"), (2, "mean")]
    if model_type(imported) not in FINAL_NORMS:
        with pytest.raises(EncoderError, match="no norm after its last block"):
            embed(*arguments, outputs, final_norm=True)
        return
    plain, normed = (embed(*arguments, outputs, final_norm=chosen) for chosen in (False, True))
    states: list[torch.Tensor] = []
    norm = imported.plain.base_model.get_submodule(FINAL_NORMS[model_type(imported)])
    hook = norm.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    wanted = plain_states(imported)
    hook.remove()
    with torch.no_grad():
        torch.testing.assert_close(norm(states[-1]), wanted.last_hidden_state)
        earlier = norm(wanted.hidden_states[1][0]).mean(0)
    torch.testing.assert_close(torch.from_numpy(normed[(1, "mean")][0]), earlier)
    assert (normed[(2, "mean")] == plain[(2, "mean")]).all()


@families
def test_gradients_equal_those_of_auto_model(imported: Imported) -> None:
    """Of a sum of all states: what training and the Fisher information are computed from."""
    ids, mask = imported.ids, imported.mask
    view = imported.files.used_ids(TEXTS)
    encoder = Encoder(imported.files, view).eval()
    factor = torch.randn(encoder.width, generator=torch.Generator().manual_seed(1))
    ours = encoder(ids, mask, torch.zeros_like(ids))[mask == 1]
    (ours @ factor).square().sum().backward()
    imported.plain.zero_grad()
    wanted = imported.plain(input_ids=ids, attention_mask=mask).last_hidden_state[mask == 1]
    (wanted @ factor).square().sum().backward()
    plain = dict(imported.plain.named_parameters())
    compared = 0
    for name, value in encoder.model.named_parameters():
        other = plain[name].grad
        if other is None or value.grad is None:
            assert other is value.grad, name
            continue
        if value is encoder.embeddings:
            other = other[view]
        torch.testing.assert_close(value.grad, other, atol=1e-4, rtol=1e-3, msg=name)
        compared += 1
    assert compared > 8


KEEPS_PADDING_ID = {
    *("xlm-roberta", "roberta", "camembert", "xlm-roberta-xl", "xmod", "mpnet", "xlm")
}


@families
def test_a_view_has_the_used_ids_alone(imported: Imported) -> None:
    padding = imported.files.tokenizer().pad_token_id
    view = imported.files.used_ids([[5, 9]]).tolist()
    below = range(padding + 1) if padding == 1 else [padding]
    family = imported.files.config().model_type
    assert view == sorted({5, 9, *(below if family in KEEPS_PADDING_ID else [padding])})


@pytest.mark.parametrize("imported", ["eurobert", "qwen3", "modernbert"], indirect=True)
def test_a_late_padding_id_is_the_padding_of_the_view(imported: Imported) -> None:
    model = Encoder(imported.files, imported.files.used_ids(TEXTS)).model
    rows = len(imported.files.used_ids(TEXTS))
    assert rows == 9
    assert model.config.pad_token_id == rows - 1
    assert model.get_input_embeddings().padding_idx == rows - 1
    frozen = frozen_encoder(imported.files)
    frozen.set_vocab(imported.files.used_ids([[7]]))
    assert frozen.model.get_input_embeddings().padding_idx == 1


@pytest.mark.parametrize("family", ["electra", "albert", "rembert", "bert"])
def test_masked_lm_logits_use_embeddings_of_any_width(family: str, tmp_path: Path) -> None:
    folder, target = write_family(tmp_path / "hf", family), tmp_path / "stored"
    target.mkdir()
    import_encoder(folder, target)
    files = EncoderFiles(target)
    rows = len(files.full_embeddings())
    shapes: Mapping[str, HeadShape] = {"own": HeadShape("masked_lm", rows, 0.0, "cls")}
    model = initialised(Encoder(files, torch.arange(rows)), shapes, seed=0).eval()
    ids = torch.tensor([[0, 20, 41, 32, 57, 2]])
    positions = torch.tensor([[False, True, False, True, False, False]])
    logits = model("own", ids, torch.ones_like(ids), torch.zeros_like(ids), positions)
    loss = cross_entropy(logits, ids[positions])
    loss.backward()
    grad = model.encoder.embeddings.grad
    assert grad is not None
    assert grad.shape == files.full_embeddings().shape
    assert float(grad[100].abs().max()) > 0
