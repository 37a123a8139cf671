"""`python -m infill_model.training.methods.plaid`: diffusion of embeddings, trained with the likelihood bound.

Plaid (Gulrajani & Hashimoto, arXiv 2305.18619), small: the gap's tokens become their embeddings, to which Gaussian
noise is added (variance preserving, log-SNR linear in time), and the network predicts the clean token at every
position; its expected embedding is the prediction of the clean one. The loss is the bound on the negative
log-likelihood in continuous time. A gap is filled by going back from pure noise, while pinned positions are clamped to
what they hold.

Shapes: B rows, K canvases per row, C canvas positions, M targets per row, D width, V vocabulary.
"""

import math
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.prediction import forbid_reserved
from infill_model.embedded.network import Network, Shape
from infill_model.training.loss import TensorBatch, pick
from infill_model.training.methods.command import run
from infill_model.training.methods.plain import PlainDenoiser
from infill_model.training.methods.study import MethodRow, Sample, Study, by_confidence, canvas_loss, whole_loss

LEAST: Final = -4.0
"""The logarithm of noise to signal at time 0, where every token can be told from the others."""

MOST: Final = 6.0
"""The same at time 1, where hardly anything is left of the token."""

STEPS: Final = (8, 32)


def share(ratio: Tensor) -> tuple[Tensor, Tensor]:
    """Return the factors of signal and noise at a log-ratio of noise to signal; their squares add up to 1."""
    return torch.sigmoid(-ratio).sqrt(), torch.sigmoid(ratio).sqrt()


class PlaidNetwork(Network):
    """Encoder and denoiser whose canvas holds noisy embeddings."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.clock = nn.Linear(shape.width, shape.width, bias=False)
        self._noisy: tuple[Tensor, Tensor] | None = None

    def embed_canvas(self, ids: Tensor, pinned: Tensor, left: Tensor, expected: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings of `denoise_noisy`'s canvas; `ids` only says how long it is."""
        if self._noisy is None:
            raise TypeError("a canvas of embeddings is denoised by `denoise_noisy`")
        noisy, ratio = self._noisy
        own, near = self.surround(torch.cat([self.embed(left), noisy], dim=-2), pinned, expected)
        return own + self.clock(_waves(ratio, self.shape.width)).unsqueeze(-2), near

    def denoise_noisy(
        self, code: tuple[Tensor, Tensor, Tensor], noisy: Tensor, ratio: Tensor, pinned: Tensor, valid: Tensor
    ) -> Tensor:
        """Return states (B, K, C, D) for embeddings (B, K, C, D) at log-ratios (B, K).

        `code` is `context`, `encoded` and `visible` of `Network.denoise`, as are `pinned` and `valid`.
        """
        self._noisy = noisy, ratio
        states = self.denoise(*code, pinned.long(), pinned, valid)
        self._noisy = None
        return states

    def clean_logits(self, states: Tensor) -> Tensor:
        """Map states (..., D) to logits (..., V) of what a canvas may hold."""
        return forbid_reserved(self.logits(states).float())

    def expected_embedding(self, logits: Tensor) -> Tensor:
        """Map logits (..., V) to the mean of the tokens' embeddings (..., D)."""
        table = self.embed(torch.arange(self.shape.vocabulary, device=logits.device))
        return logits.softmax(-1) @ table


def _waves(ratio: Tensor, width: int) -> Tensor:
    """Return sines and cosines (..., D) of a log-ratio (...)."""
    frequency = torch.exp(torch.linspace(math.log(0.1), math.log(4.0), width // 2, device=ratio.device))
    angle = ratio.unsqueeze(-1) * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def bound(network: PlaidNetwork, batch: TensorBatch, encoded: Tensor | None = None) -> Tensor:
    """Return the mean over tokens of the likelihood bound, in nats: what is lost to noise, to decoding, and at the end.

    The noise is drawn anew in each call; the times of a batch are spread evenly. `encoded` is the encoder's output for
    the batch, if it is known.
    """
    encoded = network.encode(batch.context) if encoded is None else encoded
    shape = batch.visible.shape
    count = batch.visible.numel()
    time = ((torch.rand(1) + torch.arange(count) / count) % 1)[torch.randperm(count)].view(shape)
    ratio = LEAST + (MOST - LEAST) * time
    clean = network.embed(batch.target)  # (B, K, C, D)
    signal, noise = (it[..., None, None] for it in share(ratio))
    free = (batch.valid & ~batch.pinned).unsqueeze(-1)
    noisy = torch.where(free, signal * clean + noise * torch.randn_like(clean), clean)
    code = batch.context, encoded, batch.visible
    states = network.denoise_noisy(code, noisy, ratio, batch.pinned, batch.valid)
    at, counted = batch.target_at, (batch.target_weight > 0).float()  # (B, M)
    predicted = network.expected_embedding(network.clean_logits(pick(states.flatten(1, 2), at)))
    wrong = predicted - pick(clean.flatten(1, 2), at)
    rate = 0.5 * (MOST - LEAST) * (-ratio).exp()  # Half the derivative of the ratio times the signal to noise.
    canvas = at // batch.ids.shape[2]
    lost = wrong.square().sum(-1) * rate.gather(1, canvas)
    mean = (lost * counted).sum() / counted.sum().clamp_min(1.0)
    return mean + _decoding(network, batch) + _prior(clean[free.squeeze(-1)])


def _decoding(network: PlaidNetwork, batch: TensorBatch) -> Tensor:
    """Return the nats lost by telling tokens apart at time 0, over a sample of them."""
    ids = batch.target.flatten(1).gather(1, batch.target_at)[batch.target_weight > 0][:64]
    signal, noise = share(torch.tensor(LEAST))
    clean = network.embed(ids)
    noisy = signal * clean + noise * torch.randn_like(clean)
    table = network.embed(torch.arange(network.shape.vocabulary))
    logits = (signal * noisy @ table.T - 0.5 * signal**2 * table.square().sum(-1)) / noise**2
    return F.cross_entropy(logits, ids)


def _prior(clean: Tensor) -> Tensor:
    """Return the nats between what is left of the tokens at time 1 and pure noise."""
    signal, noise = share(torch.tensor(MOST))
    each = 0.5 * (signal**2 * clean.square() + noise**2 - 1 - (noise**2).log())
    return each.sum(-1).mean()


def objective(network: PlaidNetwork, batch: TensorBatch) -> Tensor:
    """Return the bound and the encoder's next-token loss together."""
    encoded = network.encode(batch.context)
    logits = network.logits(pick(encoded, batch.next_token_at)).float()
    entropy = F.cross_entropy(logits.flatten(0, 1), batch.next_token.flatten(), reduction="none")
    weight = batch.next_token_weight.flatten()
    return bound(network, batch, encoded) + (entropy * weight).sum() / weight.sum().clamp_min(1.0)


def backwards(network: PlaidNetwork, steps: int, seed: int = 0) -> Sample:
    """Return the sampler that goes back from noise in `steps` deterministic steps (DDIM, arXiv 2010.02502)."""
    generator = torch.Generator().manual_seed(seed)

    def sample(context: Sequence[int], canvas: Canvas) -> tuple[Canvas, int]:
        ids, free = torch.tensor([list(context)]), ~canvas.pinned
        encoded, visible = network.encode(ids), torch.tensor([[len(context)]])
        clamped = network.embed(canvas.ids).unsqueeze(1)  # (1, 1, C, D)
        noisy = torch.randn(clamped.shape, generator=generator)
        code, pinned = (ids, encoded, visible), canvas.pinned.unsqueeze(1)
        for step in range(steps, 0, -1):
            now, then = (torch.tensor([[LEAST + (MOST - LEAST) * it / steps]]) for it in (step, step - 1))
            noisy = torch.where(free[:, None, :, None], noisy, clamped)
            logits = network.clean_logits(network.denoise_noisy(code, noisy, now, pinned, torch.ones_like(pinned)))
            clean = network.expected_embedding(logits)
            (signal, noise), (signal_then, noise_then) = share(now), share(then)
            noisy = signal_then * clean + noise_then * (noisy - signal * clean) / noise
        return canvas.write(free, logits[:, 0].argmax(-1)), steps

    return sample


def compare(study: Study) -> list[MethodRow]:
    """Train masked and continuous diffusion on the same files, and fill with both."""
    masked = study.network()
    tokens = study.train(masked, partial(whole_loss, masked))
    loss = study.held_out_loss(partial(canvas_loss, masked))
    rows = [study.judge("masked", by_confidence(PlainDenoiser(masked)), loss=loss, tokens=tokens)]
    network = PlaidNetwork(study.shape)
    network.initialise(study.seed)
    tokens = study.train(network, partial(objective, network))
    torch.manual_seed(study.seed)
    loss = study.held_out_loss(partial(bound, network))
    return rows + [study.judge(f"plaid, {it} steps", backwards(network, it), loss=loss, tokens=tokens) for it in STEPS]


def main(words: Sequence[str]) -> int:
    """Run the study; return the exit code."""
    return run(compare, words, module="infill_model.training.methods.plaid", description=__doc__, steps=400)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
