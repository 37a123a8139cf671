"""D3PM's posterior against Bayes' rule written out, its samplers, and a study from end to end."""

import json
import random
from pathlib import Path

import pytest
import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.network import Network
from infill_model.training.methods import d3pm
from infill_model.training.methods.d3pm import ancestral, posterior, prior
from infill_model.training.methods.study import by_confidence
from infill_model.training.rows import RowBuilder, RowNoise, RowShape
from infill_model.vocabulary import DEL, MASK, RESERVED, Vocabulary


def by_bayes(clean: Tensor, now: int, kept: float, before: float, noise: Tensor) -> Tensor:
    """Sum q(x_s | x_t, x_0) p(x_0) over all x_0 and x_s, with the transition matrices written out."""
    v = len(noise)

    def transition(share: float) -> Tensor:
        return share * torch.eye(v) + (1 - share) * noise.expand(v, v)

    step, far, near = transition(kept / before), transition(kept), transition(before)
    return sum(clean[o] * near[o] * step[:, now] / far[o, now] for o in range(v) if far[o, now] > 0)  # type: ignore[return-value]


@pytest.mark.parametrize(("uniform", "now"), [(0.0, MASK), (0.0, 20), (0.3, MASK), (0.3, 20), (1.0, 20)])
def test_the_posterior_is_bayes_rule(uniform: float, now: int) -> None:
    noise, generator = prior(24, uniform), torch.Generator().manual_seed(1)
    clean = torch.rand(24, generator=generator) * (noise + (uniform == 0) > 0)
    clean[:RESERVED] = 0.0
    clean /= clean.sum()
    expected = by_bayes(clean, now, 0.4, 0.6, noise)
    found = posterior(clean.unsqueeze(0), torch.tensor([now]), 0.4, 0.6, noise)[0]
    torch.testing.assert_close(found, expected / expected.sum(), atol=1e-5, rtol=1e-4)


def test_a_prior_is_a_distribution_over_what_a_canvas_may_hold() -> None:
    for uniform in (0.0, 0.5, 1.0):
        noise = prior(40, uniform)
        assert float(noise.sum()) == pytest.approx(1.0)
        assert float(noise[MASK]) == pytest.approx(1 - uniform)
        assert not noise[DEL + 1 : RESERVED].any()


def test_absorbed_tokens_stay_and_masks_wait_their_turn() -> None:
    noise = prior(24, 0.0)
    clean = torch.full((2, 24), 1 / 8).masked_fill(torch.arange(24) < RESERVED, 0.0)
    found = posterior(clean, torch.tensor([MASK, 20]), 0.5, 0.75, noise)
    assert float(found[0, MASK]) == pytest.approx(0.5)  # (1 - 0.75) / (1 - 0.5)
    assert float(found[1, 20]) == pytest.approx(1.0)


@pytest.mark.parametrize("uniform", [0.0, 0.5, 1.0])
def test_samplers_write_every_hole_and_no_pin(network: Network, vocabulary: Vocabulary, uniform: float) -> None:
    canvas = Canvas.of([[Piece([MASK] * 5, False), Piece([30, 31], True), Piece([MASK] * 2, False)]])
    for sample in (ancestral(network, prior(vocabulary.size, uniform), 4), by_confidence(EmbeddedDenoiser(network))):
        filled, forwards = sample([20, 21, 22], canvas)
        assert 1 <= forwards <= 7
        ids = filled.ids[0].tolist()
        assert ids[5:7] == [30, 31]
        assert all(it >= RESERVED or it == DEL for it in ids)


def test_uniform_noise_takes_the_place_of_masks(vocabulary: Vocabulary) -> None:
    texts = [("def f(first, second):\n    return first + second * 3 - first\n" * 4, "python")]

    def masks(noise: RowNoise) -> float:
        builder = RowBuilder(vocabulary, RowShape(128, 8, 16, 128, 64), noise)
        rows = [builder.batch(texts, random.Random(it)) for it in range(12)]
        targets = sum(int(row.valid.sum() - row.pinned.sum()) for row in rows)
        return sum(int((row.ids == MASK).sum()) for row in rows) / targets

    usual, none = masks(RowNoise(wrong_views=0.0)), masks(RowNoise(wrong_views=0.0, uniform=1.0))
    assert none == 0.0
    assert masks(RowNoise(wrong_views=0.0, uniform=0.5)) == pytest.approx(usual / 2, rel=0.3)


def test_a_study_from_the_command_line(corpus: Path, tokenizer: Path, tmp_path: Path) -> None:
    task = {"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1"}
    (tmp_path / "tasks.jsonl").write_text(json.dumps(task))
    out = tmp_path / "found.json"
    words = ["--corpus", corpus, "--tokenizer", tokenizer, "--tasks", tmp_path / "tasks.jsonl", "--out", out]
    d3pm.main([*map(str, words), "--steps", "2"])
    found = json.loads(out.read_text())
    assert found["tasks"] == 1
    methods = [it["method"] for it in found["rows"]]
    assert methods[:3] == ["absorbing, 8 steps back", "absorbing, 32 steps back", "absorbing, by confidence"]
    assert len({it["tokens"] for it in found["rows"]}) == 1
    assert found["record"]["command"].startswith("python -m infill_model.training.methods.d3pm --corpus")
    assert str(tmp_path) not in out.read_text()
