"""Reinforcement along traces: gaps, rewards, traces, the gradient, and a run from end to end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.prediction import Prediction
from infill_model.embedded import folder
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.network import Network, Shape
from infill_model.infill.layout import Layout
from infill_model.request import Request
from infill_model.training.methods import trace_rl
from infill_model.training.methods.rewards import Trained
from infill_model.training.methods.study import MASKS
from infill_model.training.methods.trace_rl import Learner, Lesson, learn, log_probs, rollouts, states_of
from infill_model.vocabulary import Vocabulary

GAP = Trained(Request("def load(path):\n    return ", "\n"), "path")


@pytest.fixture
def layout(vocabulary: Vocabulary, shape: Shape) -> Layout:
    return Layout(vocabulary, shape.context, shape.canvas)


@pytest.fixture
def own(network: Network, shape: Shape) -> Network:
    """Return a network that a test may train."""
    copied = Network(shape)
    copied.load_state_dict(network.state_dict())
    return copied


def test_a_trace_writes_every_position_once(own: Network, layout: Layout) -> None:
    context, pinned, traces = rollouts(EmbeddedDenoiser(own), layout, GAP, seed=3)
    assert list(context) == list(layout.place(GAP.request).context)
    assert len({tuple(it.tokens.tolist()) for it in traces}) > 1
    for it in traces:
        assert torch.equal(it.written.sum(0), (~pinned).long())
        assert it.written.any(1).all()
        for step in range(1, len(it.ids)):
            known = it.written[:step].any(0)
            assert torch.equal(it.ids[step][known], it.tokens[known])


def test_log_probabilities_are_those_that_sampling_used(own: Network, layout: Layout) -> None:
    context, pinned, traces = rollouts(EmbeddedDenoiser(own), layout, GAP, seed=3)
    first = replace(traces[0], ids=traces[0].ids[:1], written=traces[0].written[:1])
    with torch.no_grad():
        found = log_probs(own, states_of(own, context, pinned, [first]), [first])
    assert len(found) == int(first.written.sum())
    denoiser = EmbeddedDenoiser(own)
    canvas = Canvas.of([layout.job(GAP.request, MASKS).pieces])
    prediction = Prediction.of(denoiser.logits(denoiser.encode([context]), canvas, canvas.masked), canvas.masked)
    expected = prediction.probability_of(first.tokens.unsqueeze(0))[first.written]
    torch.testing.assert_close(found.exp(), expected, atol=1e-4, rtol=1e-3)


def test_what_is_rewarded_becomes_more_probable_and_the_encoder_stays(own: Network, layout: Layout) -> None:
    context, pinned, traces = rollouts(EmbeddedDenoiser(own), layout, GAP, seed=3)
    good, bad = replace(traces[0], reward=1.0), replace(traces[1], reward=-1.0)

    def margin() -> float:
        with torch.no_grad():
            each = [log_probs(own, states_of(own, context, pinned, [it]), [it]).sum() for it in (good, bad)]
        return float(each[0] - each[1])

    before, encoder = margin(), own.encoder.state_dict()
    encoder = {name: it.clone() for name, it in encoder.items()}
    learner = Learner(own)
    first = learner.loss(context, pinned, [good, bad])
    for _ in range(10):
        learner.loss(context, pinned, [good, bad]).backward()  # type: ignore[no-untyped-call]
        learner.optimiser.step()
        learner.optimiser.zero_grad()
    assert torch.isfinite(first)
    assert margin() > before + 0.1
    assert all(torch.equal(it, encoder[name]) for name, it in own.encoder.state_dict().items())


def test_a_run_from_the_command_line(corpus: Path, model_folder: Path, tokenizer: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text(json.dumps({"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1"}))
    files = {
        "corpus": corpus,
        "tokenizer": tokenizer,
        "tasks": tmp_path / "tasks.jsonl",
        "out": tmp_path / "found.json",
        "save": tmp_path / "trained",
    }
    words = [word for name, it in files.items() for word in (f"--{name}", str(it))]
    assert trace_rl.main([*words, "--steps", "2", "--model", str(model_folder)]) == 0
    found = json.loads((tmp_path / "found.json").read_text())
    assert [it["method"] for it in found["rows"]] == ["before", "after 2 updates"]
    assert (tmp_path / "found.png").read_bytes().startswith(b"\x89PNG")
    (before, *_, old), (after, *_, new) = (folder.read(it) for it in (model_folder, tmp_path / "trained"))
    assert before == after
    changed = {name for name in old if not torch.equal(old[name].float(), new[name].float())}
    assert changed
    assert not any(name.startswith("encoder.") for name in changed)


def test_training_ends_with_its_minutes(own: Network, layout: Layout) -> None:
    lesson = Lesson(layout, lambda count: [GAP] * count, lambda _, text: float(len(text)), updates=9, minutes=0)
    assert learn(Learner(own), lesson) == []
    assert len(learn(Learner(own), replace(lesson, updates=2, minutes=60))) == 2
