"""`python -m infill_model.training.methods.trace_rl`: reinforcement along the traces of sampled fills.

TraceRL (Wang et al., arXiv 2509.06949), for gaps. Fills of training code are sampled and rewarded; the credit goes to
the steps in which their tokens were committed, each given the canvas that the step saw. Several steps of a trace count
as one (the paper's shrinkage), a value head is the baseline, and a penalty keeps the denoiser near where it began. The
encoder stays as it is.

Shapes: K canvases, C canvas positions, D width, V vocabulary.
"""

import copy
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.data.corpus import CorpusFile
from infill_model.denoising.canvas import Canvas
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, unmask_policy
from infill_model.denoising.prediction import Sampling, forbid_reserved
from infill_model.denoising.stop import Limits
from infill_model.embedded import folder
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.folder import EMBEDDED, model_path
from infill_model.embedded.network import Network
from infill_model.evaluation.judging.metrics import edit_similarity, exact_match, parses
from infill_model.infill.layout import Layout
from infill_model.request import Request
from infill_model.training.methods.study import MASKS, MethodRow, Study, by_confidence, flags, report, texts_of
from infill_model.training.spans import excerpt, sample_spans

REWARDS: Final[Mapping[str, float]] = MappingProxyType({"exact": 1.0, "similarity": 0.3, "parses": 0.2})
"""What a fill is worth: the sum of the weights of what is true of it, similarity in proportion."""

SAMPLES: Final = 6
"""Fills of each gap."""

TEMPERATURE: Final = 1.0
SHRINKAGE: Final = 2
"""Steps of a trace that count as one."""

RATE: Final = 3e-5
ANCHOR: Final = 0.05
"""The weight of the penalty for leaving the first weights, per nat."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A gap of training code: its request, and what stood in it."""

    request: Request
    gold: str


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


def gaps_of(files: Sequence[CorpusFile], rng: random.Random, count: int) -> list[Trained]:
    """Return gaps in training files."""
    found: list[Trained] = []
    while len(found) < count:
        file = rng.choice(files)
        source = excerpt(file.text, file.language, rng)
        if source is None:
            continue
        (span,) = sample_spans(source, 1, rng, long_gaps=0.0)
        at = file.text.index(source.text)
        start, end = at + span.start, at + span.end
        if file.text[start:end].strip():
            request = Request(file.text[:start], file.text[end:], language=file.language)
            found.append(Trained(request, file.text[start:end]))
    return found


def reward(gap: Trained, text: str, weights: Mapping[str, float] = REWARDS) -> float:
    """Return what a fill is worth."""
    right = exact_match([text], [gap.gold])
    fine = right or parses(gap.request.prefix + text + gap.request.suffix, gap.request.language or "python")
    worth = {"exact": float(right), "similarity": edit_similarity([text], [gap.gold]), "parses": float(fine)}
    return sum(weights[name] * worth[name] for name in weights)


@torch.no_grad()
def rollouts(
    denoiser: EmbeddedDenoiser, layout: Layout, gap: Trained, seed: int
) -> tuple[Sequence[int], Tensor, list[Trace]]:
    """Sample fills of a gap; return its context, the pinned positions (C,), and the traces."""
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
                reward(gap, text),
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


def learn(learner: Learner, study: Study, updates: int, gaps: int = 4) -> list[float]:
    """Train for a number of updates of several gaps each; return the mean reward of each update's fills."""
    layout = Layout(study.vocabulary, study.shape.context, study.shape.canvas)
    rng, curve = random.Random(study.seed), list[float]()  # noqa: S311 - reproducible data, not a secret
    for update in range(updates):
        denoiser, rewards = EmbeddedDenoiser(learner.network), list[float]()
        for number, gap in enumerate(gaps_of(study.files, rng, gaps)):
            context, pinned, traces = rollouts(denoiser, layout, gap, (update * gaps + number) * SAMPLES)
            (learner.loss(context, pinned, traces) / gaps).backward()  # type: ignore[no-untyped-call]
            rewards += [it.reward for it in traces]
        torch.nn.utils.clip_grad_norm_(learner.network.denoiser.parameters(), 1.0)
        learner.optimiser.step()
        learner.optimiser.zero_grad(set_to_none=True)
        curve.append(sum(rewards) / len(rewards))
        print(f"update {update + 1}: reward {curve[-1]:.3f}", flush=True)
    return curve


def plot(curve: Sequence[float], path: Path, window: int = 10) -> None:
    """Plot the mean reward of each update, and its moving mean."""
    import matplotlib as mpl  # noqa: PLC0415  # It takes a second.

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(figsize=(6, 3), dpi=90)
    axes.plot(range(1, len(curve) + 1), curve, color="0.75", linewidth=1, label="an update")
    means = [
        sum(curve[max(0, it - window) : it]) / len(curve[max(0, it - window) : it]) for it in range(1, len(curve) + 1)
    ]
    axes.plot(range(1, len(curve) + 1), means, color="C0", label=f"mean of the last {window}")
    axes.set(xlabel="update", ylabel="mean reward")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def main(words: Sequence[str]) -> None:
    """Run the study."""
    parser = flags(__doc__, steps=100)
    parser.add_argument("--model", default=EMBEDDED, metavar="NAME|DIR", help="whose denoiser is trained (embedded)")
    chosen = parser.parse_args(words)
    study = Study.of(chosen)
    path = model_path(chosen.model)
    config, _, weights = folder.read(path)
    learner = Learner(folder.network(config, weights, path))
    rows: list[MethodRow] = [study.judge("before", by_confidence(EmbeddedDenoiser(learner.network)))]
    curve = learn(learner, study, chosen.steps)
    rows.append(study.judge(f"after {chosen.steps} updates", by_confidence(EmbeddedDenoiser(learner.network))))
    plot(curve, chosen.out.with_suffix(".png"))
    report(rows, "infill_model.training.methods.trace_rl", words, chosen.out, len(study.tasks))


if __name__ == "__main__":
    main(sys.argv[1:])
