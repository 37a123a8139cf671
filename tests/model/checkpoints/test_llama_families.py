"""Families without fixtures of their own code, against transformers' Llama and Qwen3-MoE with the family's mask."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tiny import tokenizer
from torch import Tensor

from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.errors import WeightsError
from infill_model.families.registry import family_of
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import on_canvas
from infill_model.request import Options, Request
from infill_model.vocabulary import MASK, MIDDLE, RESERVED

transformers = pytest.importorskip("transformers")
TOLERANCE = 2e-4
SEED = ("<[end▁of▁sentence]>", "<[MASK_TOKEN]>", "<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>")
SIZES = {
    "vocab_size": 272, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "intermediate_size": 48, "rms_norm_eps": 1e-6, "initializer_range": 0.3, "eos_token_id": 256, "bos_token_id": 256,
}  # fmt: skip
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")


@dataclass(frozen=True)
class Case:
    """A family, the transformers class that computes its layers, and the other values of its config.json."""

    family: str
    network: str
    sizes: dict[str, object]
    config: dict[str, object]
    special: tuple[str, ...]
    mask: int
    block: int | None


CASES = [
    Case("illada", "Llama", {"tie_word_embeddings": True}, {"model_type": "illada"}, ("<|end|>",), 5, None),
    Case(
        "stable-diffcoder",
        "Llama",
        {"tie_word_embeddings": False},
        {"architectures": ["StableDiffcoderForCausalLM"], "auto_map": {"AutoModelForCausalLM": "modeling.It"}},
        SEED,
        257,
        4,
    ),
    Case(
        "sdar-moe",
        "Qwen3Moe",
        {
            "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "norm_topk_prob": True,
            "head_dim": 16, "tie_word_embeddings": False, "decoder_sparse_step": 1, "mlp_only_layers": [],
        },
        {"model_type": "sdar_moe", "mask_token_id": 258, "block_size": 4, "num_experts": 6},
        ("<|endoftext|>", "<|im_end|>", "<|MASK|>"),
        258,
        4,
    ),
]  # fmt: skip


def made(folder: Path, case: Case) -> torch.nn.Module:
    """Write a tiny checkpoint with transformers, and return the network that wrote it."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{case.network}Config")(**SIZES, **case.sizes)
    network: torch.nn.Module = getattr(transformers, f"{case.network}ForCausalLM")(config).eval()
    network.save_pretrained(folder)  # type: ignore[operator]
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | case.config))
    tokenizer(case.special).save(str(folder / "tokenizer.json"))
    return network


def reference(network: torch.nn.Module, row: list[int], block: int | None) -> Tensor:
    """Return logits (n, V) with full attention, or with blocks that attend to themselves and earlier ones."""
    at = torch.arange(len(row)) // (block or len(row))
    mask = torch.zeros(len(row), len(row)).masked_fill(at[None, :] > at[:, None], -torch.inf)
    with torch.no_grad():
        out: Tensor = network(input_ids=torch.tensor([row]), attention_mask=mask[None, None], use_cache=False).logits[0]
    return out


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.family)
def test_logits_are_those_of_the_network_it_is_made_of(case: Case, tmp_path: Path) -> None:
    network = made(tmp_path, case)
    model = OpenInfiller.load(tmp_path, device="cpu")
    assert model.family.name == case.family
    assert (model.ids.mask, model.block) == (case.mask, case.block)
    left, right = list(range(20, 33)), [] if case.block else [40, 41]
    holes = 3 if case.block else 5
    theirs = reference(network, [*left, *[case.mask] * holes, *right], case.block)[len(left) : len(left) + holes]
    context = model.denoiser.encode([[*on_canvas(left), MIDDLE, *on_canvas(right)]])
    canvas = Canvas.of([[Piece([MASK] * holes, pinned=False)]])
    text = slice(20, 250)
    for _ in range(2):  # The second time with the cached part.
        ours = model.denoiser.logits(context, canvas, canvas.masked)[:, RESERVED:]
        assert (ours[:, text] - theirs[:, text]).abs().max() < TOLERANCE
    assert theirs.abs().max() > 1


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.family)
def test_it_fills(case: Case, tmp_path: Path) -> None:
    made(tmp_path, case)
    (fill,) = OpenInfiller.load(tmp_path, device="cpu").fill(LINE, Options(steps=8))
    assert "\n" not in fill.texts[0]
    assert fill.forwards >= 1


def test_seed_coders_marks_come_with_the_code_behind_first(tmp_path: Path) -> None:
    made(tmp_path, CASES[1])
    prompt = OpenInfiller.load(tmp_path, device="cpu").prompt
    text = [prompt.vocabulary.encode(it) for it in (LINE.suffix, LINE.prefix)]
    suffix, prefix, middle = on_canvas([258, 259, 260])
    assert prompt.job(LINE, 4).context == [suffix, *text[0], prefix, *text[1], middle]


def test_a_plain_llama_is_no_stable_diffcoder(tmp_path: Path) -> None:
    case = CASES[1]
    made(tmp_path, Case(case.family, case.network, case.sizes, {}, case.special, case.mask, case.block))
    with pytest.raises(WeightsError, match="no backend supports its model_type 'llama'"):
        family_of(Checkpoint.open(tmp_path))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"decoder_sparse_step": 2}, "decoder_sparse_step is 2"),
        ({"mlp_only_layers": [0]}, r"mlp_only_layers is \[0\]"),
        ({"num_experts_per_tok": 9}, "experts do not describe a valid network"),
        ({"num_experts": 7}, "tensors are missing|do not fit"),
    ],
)
def test_another_mixture_is_refused(values: dict[str, object], said: str, tmp_path: Path) -> None:
    case = CASES[2]
    made(tmp_path, case)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))
    with pytest.raises(WeightsError, match=said):
        OpenInfiller.load(tmp_path, device="cpu")
