"""Continuous diffusion: the schedule, the bound, clamped pins, and a study from end to end."""

import json
import math
import random
from pathlib import Path

import pytest
import torch

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.network import Shape
from infill_model.training.loss import TensorBatch
from infill_model.training.methods import plaid
from infill_model.training.methods.plaid import LEAST, MOST, PlaidNetwork, backwards, bound, objective, share
from infill_model.training.optimiser import Optimiser
from infill_model.training.rows import RowBuilder, RowNoise, RowShape
from infill_model.vocabulary import DEL, MASK, RESERVED, Vocabulary


@pytest.fixture
def net(shape: Shape) -> PlaidNetwork:
    made = PlaidNetwork(shape)
    made.initialise(1)
    return made


@pytest.fixture
def batch(vocabulary: Vocabulary) -> TensorBatch:
    texts = [("def f(first, second):\n    return first + second * 3 - first\n" * 4, "python")] * 2
    builder = RowBuilder(vocabulary, RowShape(128, 4, 16, 128, 32), RowNoise(wrong_views=0.0))
    return TensorBatch.of(builder.batch(texts, random.Random(1)), torch.device("cpu"))


def test_signal_and_noise_keep_the_variance() -> None:
    signal, noise = share(torch.linspace(LEAST, MOST, 9))
    torch.testing.assert_close(signal**2 + noise**2, torch.ones(9))
    torch.testing.assert_close((noise**2 / signal**2).log(), torch.linspace(LEAST, MOST, 9), atol=1e-3, rtol=1e-3)


def test_the_bound_of_a_network_that_knows_nothing_is_above_the_entropy(net: PlaidNetwork, batch: TensorBatch) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        found = sum(float(bound(net, batch)) for _ in range(8)) / 8
    # A uniform guess loses log V nats; a bound cannot be below what the best code would lose, and it is no bargain.
    assert math.isfinite(found)
    assert found > math.log(net.shape.vocabulary - RESERVED)


def test_training_lowers_the_bound(net: PlaidNetwork, batch: TensorBatch) -> None:
    optimiser, losses = Optimiser(net), []
    torch.manual_seed(0)
    for _ in range(25):
        loss = objective(net, batch)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step(0.3)
        losses.append(float(loss.detach()))
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])


def test_pins_are_clamped_and_every_hole_is_written(net: PlaidNetwork) -> None:
    canvas = Canvas.of([[Piece([MASK] * 4, False), Piece([30, 31], True), Piece([MASK], False)]])
    with torch.no_grad():
        filled, forwards = backwards(net, 4)([20, 21, 22], canvas)
        assert torch.equal(backwards(net, 4)([20, 21, 22], canvas)[0].ids, filled.ids)
    assert forwards == 4
    assert filled.ids[0, 4:6].tolist() == [30, 31]
    assert all(it >= RESERVED or it == DEL for it in filled.ids[0].tolist())


def test_without_noise_the_canvas_is_the_ordinary_one(net: PlaidNetwork) -> None:
    ids, left = torch.tensor([[[40, 41, 42]]]), torch.tensor([[[30, 31]]])
    pinned, expected = torch.zeros(1, 1, 3, dtype=torch.bool), torch.randn(1, 1, net.shape.width)
    with torch.no_grad():
        net.clock.weight.zero_()
        plain = super(PlaidNetwork, net).embed_canvas(ids, pinned, left, expected)
        net._noisy = net.embed(ids), torch.zeros(1, 1)
        for one, other in zip(net.embed_canvas(ids, pinned, left, expected), plain, strict=True):
            torch.testing.assert_close(one, other)
    net._noisy = None
    with pytest.raises(TypeError, match="denoise_noisy"):
        net.embed_canvas(ids, pinned, left, expected)


def test_a_study_from_the_command_line(corpus: Path, tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1"}))
    files = {"corpus": corpus, "tokenizer": tokenizer, "tasks": tmp_path / "tasks.jsonl", "out": tmp_path / "found"}
    plaid.main([*(word for name, it in files.items() for word in (f"--{name}", str(it))), "--steps", "2"])
    found = json.loads((tmp_path / "found").read_text())
    assert [it["method"] for it in found["rows"]] == ["masked", "plaid, 8 steps", "plaid, 32 steps"]
    assert len({it["tokens"] for it in found["rows"]}) == 1
