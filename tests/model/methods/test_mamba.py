"""Mamba-2 against transformers' own, its scan against the recurrence, and the hybrid network."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.network import Network, Shape
from infill_model.errors import WeightsError
from infill_model.training.methods import mamba_study
from infill_model.training.methods.mamba import (
    MIXERS,
    Bidirectional,
    HybridNetwork,
    HybridShape,
    Mamba2,
    StateShape,
    scan,
)
from infill_model.training.methods.mamba_speed import CANVAS, cost, layers, plot
from infill_model.training.methods.plain import PlainDenoiser
from infill_model.training.methods.study import by_confidence
from infill_model.vocabulary import MASK

STATE = StateShape(width=24, heads=3, head_width=16, state=8, chunk=16)


def random_mixer(seed: int = 1) -> Mamba2:
    mixer, generator = Mamba2(STATE), torch.Generator().manual_seed(seed)
    mixer.initialise(generator)
    with torch.no_grad():
        for parameter in mixer.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return mixer


@pytest.mark.parametrize("length", [1, 16, 50])
def test_outputs_equal_those_of_transformers(length: int) -> None:
    transformers = pytest.importorskip("transformers", reason="the reference is transformers' Mamba2")
    from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer  # noqa: PLC0415

    config = transformers.Mamba2Config(
        hidden_size=24, num_heads=3, head_dim=16, expand=2, state_size=8, n_groups=1, num_hidden_layers=1, chunk_size=16
    )
    reference, ours = Mamba2Mixer(config, 0).eval(), random_mixer()
    reference.load_state_dict(ours.state_dict())
    x = torch.randn(2, length, 24, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(ours(x), reference(x), atol=1e-4, rtol=1e-4)


def test_logits_equal_those_of_a_small_checkpoint() -> None:
    transformers = pytest.importorskip("transformers", reason="the reference is transformers' Mamba2")
    config = transformers.Mamba2Config(
        vocab_size=64, hidden_size=24, num_heads=3, head_dim=16, expand=2, state_size=8, n_groups=1,
        num_hidden_layers=2, chunk_size=16,
    )  # fmt: skip
    torch.manual_seed(5)
    checkpoint = transformers.Mamba2ForCausalLM(config).eval()
    ids = torch.randint(0, 64, (2, 40))
    with torch.no_grad():
        x = checkpoint.backbone.embeddings(ids)
        for block in checkpoint.backbone.layers:
            mixer = Mamba2(STATE)
            mixer.load_state_dict(block.mixer.state_dict())
            x = x + mixer(block.norm(x))
        logits = checkpoint.lm_head(checkpoint.backbone.norm_f(x))
        torch.testing.assert_close(logits, checkpoint(ids).logits, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [5, 16, 37])
def test_chunks_equal_the_recurrence(length: int) -> None:
    generator = torch.Generator().manual_seed(1)
    values, decay = torch.randn(2, length, 3, 4, generator=generator), -torch.rand(2, length, 3, generator=generator)
    b, c = torch.randn(2, length, 5, generator=generator), torch.randn(2, length, 5, generator=generator)
    state, expected = torch.zeros(2, 3, 4, 5), []
    for t in range(length):
        state = state * decay[:, t].exp()[..., None, None] + values[:, t].unsqueeze(-1) * b[:, t, None, None]
        expected.append((state * c[:, t, None, None]).sum(-1))
    torch.testing.assert_close(scan(values, decay, b, c, 16), torch.stack(expected, 1), atol=1e-4, rtol=1e-4)


def test_one_direction_is_causal_and_two_see_everything() -> None:
    x = torch.randn(1, 20, 24, generator=torch.Generator().manual_seed(3))
    changed = x.clone()
    changed[0, 10] += 1.0
    both = Bidirectional(STATE)
    both.onward, both.back = random_mixer(), random_mixer(2)
    with torch.no_grad():
        one = (both.onward(x) - both.onward(changed)).abs().sum(-1)[0]
        two = (both(x) - both(changed)).abs().sum(-1)[0]
    assert not one[:10].any()
    assert (one[10:] > 0).all()
    assert (two > 0).all()


def test_a_hybrid_has_as_many_parameters_and_its_mixers_from_its_configuration(shape: Shape, tmp_path: Path) -> None:
    hybrid = HybridShape.of(shape, ("mamba", "attention", "mamba"))
    hybrid.save(tmp_path / "config.json")
    assert HybridShape.load(tmp_path / "config.json") == hybrid
    sizes = [sum(p.numel() for p in it.parameters()) for it in (HybridNetwork(hybrid), Network(shape))]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    values = json.loads((tmp_path / "config.json").read_text())
    for wrong in (["mamba"], ["mamba", "gru", "mamba"], 3):
        values["shape"]["mixers"] = wrong
        (tmp_path / "config.json").write_text(json.dumps(values))
        with pytest.raises(WeightsError, match="no configuration of a network with mixers"):
            HybridShape.load(tmp_path / "config.json")


def test_without_mixers_a_hybrid_is_the_ordinary_network(shape: Shape) -> None:
    hybrid = HybridNetwork(HybridShape.of(shape, ("attention",) * 3)).initialise(4).eval()
    plain = Network(shape).initialise(4).eval()
    ids = torch.arange(20, 60).unsqueeze(0)
    with torch.no_grad():
        torch.testing.assert_close(hybrid.encode(ids), plain.encode(ids))


@pytest.mark.parametrize("first", MIXERS)
@pytest.mark.parametrize("last", MIXERS)
def test_a_hybrid_fills_and_sees_no_later_code(shape: Shape, first: str, last: str) -> None:
    net = HybridNetwork(HybridShape.of(shape, (first, "attention", last))).initialise(1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.05)
    canvas = Canvas.of([[Piece([MASK] * 4, False), Piece([30, 31], True)]])
    filled, forwards = by_confidence(PlainDenoiser(net))(list(range(20, 50)), canvas)
    assert filled.complete.all()
    assert filled.ids[0, 4:].tolist() == [30, 31]
    assert forwards >= 1
    plain, ids = PlainDenoiser(net), torch.arange(20, 60).unsqueeze(0)
    with torch.no_grad():
        torch.testing.assert_close(
            net.encode(ids)[:, :30], plain.encode([list(range(20, 50))]).encoded, atol=1e-4, rtol=1e-4
        )


def test_padding_changes_nothing(shape: Shape) -> None:
    net = HybridNetwork(HybridShape.of(shape, ("attention", "attention", "mamba"))).initialise(1).eval()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)), alpha=0.05)
        context = torch.arange(20, 50).unsqueeze(0)
        encoded, visible = net.encode(context), torch.tensor([[30]])
        ids = torch.tensor([[[MASK, MASK, 40]]])
        pinned, valid = torch.tensor([[[False, False, True]]]), torch.ones(1, 1, 3, dtype=torch.bool)
        alone = net.denoise(context, encoded, visible, ids, pinned, valid)
        wider = [torch.nn.functional.pad(it, (0, 2)) for it in (ids, pinned, valid)]
        padded = net.denoise(context, encoded, visible, *wider)
    torch.testing.assert_close(padded[:, :, :2], alone[:, :, :2], atol=1e-4, rtol=1e-4)


def test_a_layer_is_measured_in_a_process_of_its_own(shape: Shape, tmp_path: Path) -> None:
    found = cost(shape, 256, "mamba, both directions")
    assert (found.mixer, found.tokens) == ("mamba, both directions", 256)
    assert found.ms > 0
    assert found.mib >= 0
    plot([found, replace(found, tokens=512)], tmp_path / "costs.png")
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")


def test_all_layers_that_are_measured_run(shape: Shape) -> None:
    with torch.no_grad():
        outputs = {name: tuple(run().shape) for name, run in layers(shape, 96).items()}
    assert outputs.pop("a cached step's attention") == (1, CANVAS, shape.width)
    assert len(outputs) == 4
    assert set(outputs.values()) == {(1, 96, shape.width)}


def test_a_study_compares_networks_of_one_size(corpus: Path, tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1"}))
    files = {"corpus": corpus, "tokenizer": tokenizer, "tasks": tmp_path / "tasks.jsonl", "out": tmp_path / "found"}
    mamba_study.main([*(word for name, it in files.items() for word in (f"--{name}", str(it))), "--steps", "2"])
    found = json.loads((tmp_path / "found").read_text())
    assert found["rows"][0]["method"] == "attention"
    assert len(found["rows"]) == 4
    assert len({it["tokens"] for it in found["rows"]}) == 1


def test_sizes_fit_the_shape(shape: Shape) -> None:
    assert HybridShape.of(replace(shape, width=128), ("mamba",) * 3).state.inner == shape.heads * shape.head_width
