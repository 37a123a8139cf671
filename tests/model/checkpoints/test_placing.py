"""Weights in 8 and 4 bits, and layers on several devices: the effect on the tiny checkpoints' logits and size."""

import builtins
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import Reference, names, needs_parity
from tiny import checkpoint, tokenizer
from torch import nn

from infill_model.checkpoints.causal import MARKS, CausalInfiller
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.errors import WeightsError
from infill_model.files.placing import pack, placing, weights_of, whole_modules
from infill_model.request import Options, Request
from infill_model.transformer.transformer import Transformer, TransformerShape

REQUEST = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
SHAPE = TransformerShape(512, 256, 3, 4, 2, 64, 64, 512, 1e6, 1e-6)


def network(seed: int = 0) -> Transformer:
    torch.manual_seed(seed)
    made = Transformer(SHAPE).eval().requires_grad_(False)
    for it in made.parameters():
        if it.dim() > 1:
            nn.init.normal_(it, std=it.shape[1] ** -0.5)
    return made


def logits(it: Transformer) -> torch.Tensor:
    ids = torch.arange(48).unsqueeze(0) * 7 % 512
    states, _ = it(ids, torch.arange(48).unsqueeze(0))
    return it.logits(states)


def bytes_of(it: nn.Module) -> int:
    return sum(one.numel() * one.element_size() for one in it.parameters())


def layer_bytes(it: Transformer) -> int:
    return bytes_of(it.model.layers)


@pytest.mark.parametrize(("bits", "off"), [(8, 0.008), (4, 0.11)])
def test_a_packed_layer_is_as_far_off_as_its_format_is_coarse(bits: Any, off: float) -> None:
    """NF4 keeps normally distributed weights to about 9 percent; LLM.int8 keeps activations in 8 bits, too."""
    pytest.importorskip("bitsandbytes")
    plain, packed = network().model.layers[0].mlp, network().model.layers[0].mlp
    pack(packed, bits, torch.float32, "cpu")
    x = torch.randn(64, 256, generator=torch.Generator().manual_seed(1))
    for name in ("gate_proj", "up_proj"):
        wanted, found = getattr(plain, name)(x), getattr(packed, name)(x)
        assert 0 < float((wanted - found).norm() / wanted.norm()) < off


@pytest.mark.parametrize(("bits", "off", "share"), [(8, 0.04, 0.27), (4, 0.45, 0.15)])
def test_packed_weights_are_smaller_and_little_else(bits: Any, off: float, share: float) -> None:
    pytest.importorskip("bitsandbytes")
    plain, packed = network(), network()
    before = layer_bytes(packed)  # Random weights are more sensitive to quantisation than trained ones.
    pack(packed, bits, torch.float32, "cpu")
    assert layer_bytes(packed) < share * before
    wanted, found = logits(plain), logits(packed)
    error = float((wanted - found).norm() / wanted.norm())
    print(f"{bits} bits: {error:.4f} of the logits' norm, {layer_bytes(packed) / before:.3f} of the layers' bytes")
    assert 0 < error < off
    assert weights_of(packed) == (weights_of(plain)[0], f"int{bits}")


@needs_parity
@pytest.mark.parametrize(("bits", "off"), [(8, 0.04), (4, 0.6)])
@pytest.mark.parametrize("family", ["dream", "llada", "sdar", "open-dcoder"])
def test_packed_weights_say_nearly_what_the_reference_says(family: str, bits: Any, off: float) -> None:
    """On random checkpoints, in which every weight matters equally."""
    pytest.importorskip("bitsandbytes")
    it = Reference.of(family)
    plain, packed = it.network(), it.network()
    pack(packed, bits, torch.float32, "cpu")
    name = names(family, "forward")[0]
    ids = it.array(name, "input_ids")
    assert ids is not None
    places = torch.arange(ids.shape[1]).unsqueeze(0)
    wanted, found = (one.logits(one(ids, places)[0]) for one in (plain, packed))
    error = float((wanted - found).norm() / wanted.norm())
    print(f"{family} {bits} bits: {error:.4f}")
    assert error < off


@pytest.mark.parametrize("dtype", ["int8", "int4"])
@pytest.mark.parametrize("family", ["dream", "open-dcoder", "sdar"])
def test_a_packed_checkpoint_fills(tmp_path: Path, family: str, dtype: str) -> None:
    pytest.importorskip("bitsandbytes")
    loaded = OpenInfiller.load(checkpoint(tmp_path / "it", family), device="cpu", dtype=dtype)
    assert loaded.info.dtype == dtype
    assert loaded.info.device == "cpu"
    plain = OpenInfiller.load(tmp_path / "it", device="cpu")
    assert loaded.info.parameters == plain.info.parameters
    assert loaded.fill(REQUEST, Options(steps=2))[0].texts


def test_where_bitsandbytes_is_missing_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("bitsandbytes"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(WeightsError, match=r"in 4 bits need bitsandbytes: `pip install 'infill-lsp\[quantised\]'`"):
        OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu", dtype="int4")


@pytest.mark.parametrize(
    ("device", "dtype", "words"),
    [("spread", "int4", "cannot be spread"), ("cpu", "int3", "not in int3"), ("tpu", "auto", "'tpu' is not available")],
)
def test_what_does_not_go_together_is_refused(device: str, dtype: str, words: str) -> None:
    with pytest.raises(WeightsError, match=words):
        placing(device, dtype)


def test_spread_over_what_there_is_a_checkpoint_fills_the_same(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    folder = checkpoint(tmp_path / "it", "dream")
    one, spread = (OpenInfiller.load(folder, device=it, dtype="float32") for it in ("cpu", "spread"))
    texts = [it.fill(REQUEST, Options(steps=2))[0].texts for it in (one, spread)]
    assert texts[0] == texts[1]


def test_layers_on_several_devices_are_whole_and_say_the_same(tmp_path: Path) -> None:
    """The disk stands in for missing devices: its layers are fetched for each forward, as the CPU's are."""
    accelerate = pytest.importorskip("accelerate")
    plain, dealt = network(), network()
    whole = whole_modules(dealt)
    assert whole == ["Layer"]
    room = {"cpu": int(bytes_of(dealt) * 0.6), "disk": 10**12}
    places = accelerate.infer_auto_device_map(dealt, max_memory=room, no_split_module_classes=whole)
    assert {"cpu", "disk"} == set(places.values())
    assert all(it.count(".") <= 2 for it in places), "no layer is split"
    accelerate.dispatch_model(dealt, places, offload_dir=tmp_path, main_device="cpu")
    assert torch.equal(logits(plain), logits(dealt))


@pytest.mark.parametrize(("device", "dtype"), [("cpu", "int8"), ("cpu", "int4"), ("spread", "auto")])
def test_a_causal_model_of_transformers_is_packed_and_spread(tmp_path: Path, device: str, dtype: str) -> None:
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("bitsandbytes")
    config = transformers.Qwen2Config(
        vocab_size=272, hidden_size=64, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=64, bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    transformers.Qwen2ForCausalLM(config).save_pretrained(tmp_path)
    tokenizer(("<|endoftext|>", *MARKS[0])).save(str(tmp_path / "tokenizer.json"))
    loaded = CausalInfiller.load(tmp_path, device=device, dtype=dtype)
    assert loaded.info.dtype == (dtype if dtype != "auto" else "float32")
    assert loaded.fill(REQUEST, Options())
