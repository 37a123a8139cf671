"""`python -m infill_model.training.methods.trace_rl`: reinforcement along the traces of sampled fills.

TraceRL (Wang et al., arXiv 2509.06949), for gaps. Fills of training code are sampled and rewarded; the credit goes to
the steps in which their tokens were committed, each given the canvas that the step saw. Several steps of a trace count
as one (the paper's shrinkage), a value head is the baseline, and a penalty keeps the denoiser near where it began. The
encoder stays as it is.

Shapes: K canvases, C canvas positions, D width, V vocabulary.
"""

import argparse
import copy
import math
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, unmask_policy
from infill_model.denoising.prediction import Sampling, forbid_reserved
from infill_model.denoising.stop import Limits
from infill_model.embedded import folder
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.folder import EMBEDDED, model_path
from infill_model.embedded.network import Network
from infill_model.evaluation.judging.runner import Runner
from infill_model.infill.layout import Layout
from infill_model.training.methods.command import answered, check_place, flags, plot, report
from infill_model.training.methods.rewards import (
    REWARDS,
    Trained,
    doctested_functions,
    doctested_gaps,
    gaps_of,
    reward,
    weights_of,
)
from infill_model.training.methods.study import MASKS, Study, by_confidence, texts_of

SAMPLES: Final = 6
"""Fills of each gap."""

TEMPERATURE: Final = 1.0
SHRINKAGE: Final = 2
"""Steps of a trace that count as one."""

RATE: Final = 3e-5
ANCHOR: Final = 0.05
"""The weight of the penalty for leaving the first weights, per nat."""


@dataclass(frozen=True, slots=True)
class Trace:
    """How one fill came about, in K shrunken steps, and what it is worth.

    Attributes:
        ids: (K, C) int64, the canvases that the steps saw.
        written: (K, C) bool, where each step committed.
        tokens: (C,) int64, the complete canvas.
        reward: of the fill.
    """

    ids: Tensor
    written: Tensor
    tokens: Tensor
    reward: float


@torch.no_grad()
def rollouts(
    denoiser: EmbeddedDenoiser, layout: Layout, gap: Trained, seed: int, worth: Callable[[Trained, str], float] = reward
) -> tuple[Sequence[int], Tensor, list[Trace]]:
    """Sample fills of a gap and reward them by `worth`; return its context, the pinned positions (C,), and traces."""
    job = layout.job(gap.request, MASKS)
    canvas = Canvas.of([job.pieces] * SAMPLES)
    sampling = Sampling((TEMPERATURE,) * SAMPLES, tuple(seed + it for it in range(SAMPLES)), top_p=1.0)
    policies = Policies(unmask_policy("threshold:0.9:0.5"))
    before, steps = canvas, list[tuple[Tensor, Tensor]]()
    for draft in denoise(
        denoiser, denoiser.encode([job.context] * SAMPLES), canvas, policies, Limits(64), sampling=sampling
    ):
        steps.append((before.ids, draft.unmasked))
        before = draft.canvas
    traces = []
    for row in range(SAMPLES):
        own = [(ids[row], unmasked[row]) for ids, unmasked in steps if unmasked[row].any()]
        groups = [own[it : it + SHRINKAGE] for it in range(0, len(own), SHRINKAGE)]
        text = texts_of(layout.vocabulary, before, row)[0]
        traces.append(
            Trace(
                torch.stack([group[0][0] for group in groups]),
                torch.stack([torch.stack([where for _, where in group]).any(0) for group in groups]),
                before.ids[row],
                worth(gap, text),
            )
        )
    return job.context, canvas.pinned[0], traces


def states_of(network: Network, context: Sequence[int], pinned: Tensor, traces: Sequence[Trace]) -> Tensor:
    """Return the denoiser's states (K, C, D) at every step of all traces of a gap."""
    ids = torch.cat([it.ids for it in traces]).unsqueeze(0)  # (1, K, C)
    code = torch.tensor([list(context)])
    with torch.no_grad():
        encoded = network.encode(code)
    visible = torch.full(ids.shape[:2], len(context))
    fixed = pinned.expand_as(ids)
    return network.denoise(code, encoded, visible, ids, fixed, torch.ones_like(fixed))[0]


def log_probs(network: Network, states: Tensor, traces: Sequence[Trace]) -> Tensor:
    """Return the log-probabilities of all committed tokens, in the order of `written`."""
    written = torch.cat([it.written for it in traces])
    tokens = torch.cat([it.tokens.expand(len(it.ids), -1) for it in traces])[written]
    logits = forbid_reserved(network.logits(states[written]))
    found: Tensor = logits.log_softmax(1).gather(1, tokens.unsqueeze(1)).squeeze(1)
    return found


class Learner:
    """A denoiser in training, its anchor, and the value head."""

    def __init__(self, network: Network) -> None:
        self.network, self.anchor = network.requires_grad_(False), copy.deepcopy(network)
        self.value = nn.Linear(network.shape.width, 1)
        own = list(network.denoiser.parameters())
        for parameter in own:
            parameter.requires_grad_(True)
        self.optimiser = torch.optim.AdamW(
            [{"params": own, "lr": RATE}, {"params": self.value.parameters(), "lr": 1e-3}]
        )

    def loss(self, context: Sequence[int], pinned: Tensor, traces: Sequence[Trace]) -> Tensor:
        """Return the loss of one gap: the policy gradient, the value head's error, and the anchor's penalty."""
        states = states_of(self.network, context, pinned, traces)
        found = log_probs(self.network, states, traces)
        with torch.no_grad():
            first = log_probs(self.anchor, states_of(self.anchor, context, pinned, traces), traces)
        expected = self.value(states.detach().mean(1)).squeeze(1)  # (K,)
        rewards = torch.cat([torch.full((len(it.ids),), it.reward) for it in traces])
        counts = torch.cat([it.written for it in traces]).sum(1)
        advantage = (rewards - expected.detach()).repeat_interleave(counts)
        away = (first - found).exp() - (first - found) - 1  # An estimate of the divergence that is never negative.
        policy = -(found * advantage).sum() / len(traces)
        loss: Tensor = policy + ANCHOR * away.sum() / len(traces) + F.mse_loss(expected, rewards)
        return loss


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a denoiser is trained on, and for how long.

    Attributes:
        layout: of the gaps.
        draw: returns a number of gaps.
        worth: of a fill.
        updates: the most updates.
        minutes: after which no further one begins.
    """

    layout: Layout
    draw: Callable[[int], Sequence[Trained]]
    worth: Callable[[Trained, str], float]
    updates: int
    minutes: float = math.inf


def learn(learner: Learner, lesson: Lesson, gaps: int = 4) -> list[float]:
    """Train with several gaps in each update; return the mean reward of each update's fills."""
    curve, end = list[float](), time.monotonic() + 60 * lesson.minutes
    while len(curve) < lesson.updates and time.monotonic() < end:
        denoiser, rewards = EmbeddedDenoiser(learner.network), list[float]()
        for number, gap in enumerate(lesson.draw(gaps)):
            seed = (len(curve) * gaps + number) * SAMPLES
            context, pinned, traces = rollouts(denoiser, lesson.layout, gap, seed, lesson.worth)
            (learner.loss(context, pinned, traces) / gaps).backward()  # type: ignore[no-untyped-call]
            rewards += [it.reward for it in traces]
        torch.nn.utils.clip_grad_norm_(learner.network.denoiser.parameters(), 1.0)
        learner.optimiser.step()
        learner.optimiser.zero_grad(set_to_none=True)
        curve.append(sum(rewards) / len(rewards))
        print(f"update {len(curve)}: reward {curve[-1]:.3f}", flush=True)
    return curve


def main(words: Sequence[str]) -> int:
    """Run the study; return the exit code."""
    parser = flags(__doc__, steps=100)
    parser.add_argument("--model", default=EMBEDDED, metavar="NAME|DIR", help="whose denoiser is trained (embedded)")
    parser.add_argument("--minutes", type=float, default=math.inf, metavar="N", help="no update begins after them")
    parser.add_argument("--functions", type=int, default=100, metavar="N", help="functions with doctests (100)")
    parser.add_argument("--reward", nargs="+", default=(), metavar="NAME=WEIGHT", help=f"weights {dict(REWARDS)}")
    parser.add_argument("--save", type=Path, metavar="DIR", help="where the trained model goes")
    chosen = parser.parse_args(words)
    return answered(lambda: _study(chosen, words), "trace_rl")


def _study(chosen: argparse.Namespace, words: Sequence[str]) -> None:
    """Judge, train and judge again."""
    check_place(chosen.out)
    weights = weights_of(chosen.reward)
    study = Study.of(chosen)
    path = model_path(chosen.model)
    config, _, stored = folder.read(path)
    learner = Learner(folder.network(config, stored, path))
    layout = Layout(study.vocabulary, learner.network.shape.context, learner.network.shape.canvas)
    study = replace(study, shape=learner.network.shape)
    rng = random.Random(study.seed)  # noqa: S311 - reproducible data, not a secret
    rows = [study.judge("before", by_confidence(EmbeddedDenoiser(learner.network)))]
    with Runner(seconds=2.0, workers=1) as runner:
        functions = doctested_functions(study.files, rng, runner, chosen.functions)
        print(f"{len(functions)} functions with doctests that pass", flush=True)

        def draw(count: int) -> list[Trained]:
            tested = doctested_gaps(functions, rng, runner, count // 2)
            return tested + gaps_of(study.files, rng, count - len(tested))

        def worth(gap: Trained, text: str) -> float:
            return reward(gap, text, weights, runner)

        curve = learn(learner, Lesson(layout, draw, worth, chosen.steps, chosen.minutes))
    rows.append(study.judge(f"after {len(curve)} updates", by_confidence(EmbeddedDenoiser(learner.network))))
    plot(curve, chosen.out.with_suffix(".png"))
    if chosen.save:
        folder.write(
            chosen.save, config, (path / "tokenizer.json").read_text(encoding="utf-8"), learner.network, "float32"
        )
    report(rows, "infill_model.training.methods.trace_rl", words, chosen.out, len(study.tasks))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
