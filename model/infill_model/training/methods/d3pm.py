"""`python -m infill_model.training.methods.d3pm`: absorbing, uniform and mixed transitions at equal budgets.

Structured Denoising Diffusion Models in Discrete State-Spaces (Austin et al., arXiv 2107.03006). A token that is noised
is drawn from a prior: always a mask (absorbing), any token (uniform), or either (mixed). A step back draws each token
from its posterior given the prediction of the clean token, so a token that the prior can give may change again. The
schedule is linear: at time t a share 1 - t of the tokens is clean. The network is not told the time.

Shapes: N canvas positions, V vocabulary.
"""

import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.prediction import forbid_reserved
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.network import Network
from infill_model.training.methods.command import run
from infill_model.training.methods.study import MethodRow, Sample, Study, by_confidence, canvas_loss, whole_loss
from infill_model.training.rows import RowNoise
from infill_model.vocabulary import DEL, MASK, RESERVED

STEPS: Final = (8, 32)
"""Steps back that are compared."""


def prior(vocabulary: int, uniform: float) -> Tensor:
    """Return (V,) float32, what a noised token becomes: any token with the probability `uniform`, else a mask."""
    allowed = torch.zeros(vocabulary)
    allowed[DEL] = 1.0
    allowed[RESERVED:] = 1.0
    out = allowed * (uniform / allowed.sum())
    out[MASK] = 1 - uniform
    return out


def posterior(clean: Tensor, now: Tensor, kept: float, kept_before: float, noise: Tensor) -> Tensor:
    """Return (N, V): the probabilities of the tokens one step earlier.

    The exact posterior of D3PM, summed over the predicted clean tokens. As q(x_t | x_0) = kept x_0 + (1 - kept) noise,
    Bayes' rule gives q(x_s | x_t, x_0) = q(x_t | x_s) q(x_s | x_0) / q(x_t | x_0).

    Args:
        clean: (N, V) predicted probabilities of the clean tokens.
        now: (N,) int64, the tokens x_t.
        kept: the share of clean tokens at the time of `now`.
        kept_before: that share one step earlier, which is larger.
        noise: (V,) the prior.
    """
    here = torch.zeros_like(clean).scatter(1, now.unsqueeze(1), 1.0)
    chance = noise[now].unsqueeze(1)  # (N, 1): that noise gives the token that is there.
    reached = kept * here + (1 - kept) * chance  # q(x_t | x_0) for each x_0
    weight = torch.where(reached > 0, clean / reached.clamp_min(1e-30), 0.0)
    between = kept / kept_before
    out = (between * here + (1 - between) * chance) * (
        kept_before * weight + (1 - kept_before) * noise * weight.sum(1, keepdim=True)
    )
    total = out.sum(1, keepdim=True)
    return torch.where(total > 0, out / total.clamp_min(1e-30), here)


def ancestral(network: Network, noise: Tensor, steps: int, seed: int = 0) -> Sample:
    """Return the sampler that starts from the prior and goes back in `steps` steps; the last takes the likeliest."""
    denoiser, generator = EmbeddedDenoiser(network), torch.Generator().manual_seed(seed)

    def sample(context: Sequence[int], canvas: Canvas) -> tuple[Canvas, int]:
        encoded, free = denoiser.encode([context]), ~canvas.pinned
        count = int(free.sum())
        now = torch.multinomial(noise.expand(count, -1), 1, generator=generator).squeeze(1)
        for step in range(steps, 0, -1):
            canvas = canvas.write(free, canvas.ids.masked_scatter(free, now))
            logits = forbid_reserved(denoiser.logits(encoded, canvas, free))
            if step == 1:
                now = logits.argmax(1)
            else:
                share = posterior(logits.softmax(1), now, 1 - step / steps, 1 - (step - 1) / steps, noise)
                now = torch.multinomial(share, 1, generator=generator).squeeze(1)
        return canvas.write(free, canvas.ids.masked_scatter(free, now)), steps

    return sample


def compare(study: Study) -> list[MethodRow]:
    """Train with each prior on the same files, and fill with each prior's samplers."""
    rows = []
    for name, share in (("absorbing", 0.0), ("mixed", 0.5), ("uniform", 1.0)):
        network = study.network()
        noise = RowNoise(wrong_views=0.0, uniform=share)
        tokens = study.train(network, partial(whole_loss, network), noise)
        loss = study.held_out_loss(partial(canvas_loss, network), noise)
        samplers = {
            f"{steps} steps back": ancestral(network, prior(study.vocabulary.size, share), steps) for steps in STEPS
        }
        if share < 1:
            samplers["by confidence"] = by_confidence(EmbeddedDenoiser(network))
        if 0 < share < 1:
            samplers["by confidence, edit"] = by_confidence(EmbeddedDenoiser(network), "edit:0.9")
        rows += [study.judge(f"{name}, {how}", it, loss=loss, tokens=tokens) for how, it in samplers.items()]
    return rows


def main(words: Sequence[str]) -> int:
    """Run the study; return the exit code."""
    return run(compare, words, module="infill_model.training.methods.d3pm", description=__doc__, steps=1000)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
