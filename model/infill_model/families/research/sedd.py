"""SEDD: score entropy discrete diffusion at GPT-2's size, with its own analytic step.

The network does not predict tokens but scores: for each masked position, how much more probable a row with a given
token there is than the row as it is. If learned exactly, the scores are p(token | row) / (exp(sigma) - 1); here they
are multiplied by that denominator, so that they are unnormalised probabilities. Their sum is the position's *mass*,
which is 1 for exact scores. The analytic step (`Analytic`) goes from the noise of one time to that of the next without
a discretisation error: the mass decides which positions are revealed, and the scores decide the token.

The holes' position in time is read from the canvas: the share still masked is the one that the log-linear
noise leaves at that time.

Reference: louaaron/Score-Entropy-Discrete-Diffusion (MIT): graph_lib.py, noise_lib.py, sampling.py; arXiv 2310.16834.
There are no fixtures for it: not verified against it.

Shapes: B fills, C canvas positions, N positions requested, V vocabulary.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.draft import PolicyStep
from infill_model.denoising.noise import Purpose
from infill_model.families.family import OpenDenoiser
from infill_model.families.research.dit import Dit, DitShape
from infill_model.families.research.gpt2 import DitFamily, checked, end_id, window
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import IdMap, Ids
from infill_model.transformer.sequence import CanvasRow, SequenceContext, forbidden_at, padded, row_of, shadow_rows
from infill_model.vocabulary import MASK, PAD

_RESIDUE: Final = 1e-3
"""The share of a row that the log-linear noise leaves unmasked at time 1 (noise_lib.py, `eps`)."""
_EARLIEST: Final = 1e-5
"""The earliest time given to the model; at 0 there are no masks."""


def total_noise(time: Tensor) -> Tensor:
    """Return sigma of the log-linear noise: a share (1 - `_RESIDUE`) time of a row is masked."""
    return -torch.log1p(-(1 - _RESIDUE) * time)


@dataclass(frozen=True, slots=True)
class Analytic:
    """The unmask policy of the analytic step, from a time t to t (left - 1) / left.

    A masked position is revealed with probability (exp(sigma - sigma') - 1) times the sum of its scores. With
    log-linear noise that is its mass times (t - t') / t, and so its mass divided by the number of steps left. Its token
    is the predicted one: drawn by the scores if the fill is sampled, otherwise the most probable one.
    """

    may_wait: ClassVar[bool] = True

    def __call__(self, step: PolicyStep) -> Tensor:
        """Reveal each mask with its own probability; all in the last step."""
        at = step.prediction.at
        probability = torch.zeros_like(step.masked, dtype=torch.float32)
        probability.flatten().index_copy_(0, at, step.prediction.mass / step.left)
        return step.masked & ((step.noise.uniform(step.number, Purpose.UNMASK) < probability) | (step.left <= 1))


class SeddDenoiser:
    """`family.OpenDenoiser` over a score network; not thread-safe."""

    def __init__(self, network: Dit, id_map: IdMap, breaks: Sequence[int] = (), *, scaled: bool = True) -> None:
        """Set up.

        Args:
            network: of the checkpoint.
            id_map: between the checkpoint's ids and the canvas's.
            breaks: canvas ids of the tokens with a line break.
            scaled: whether the network's outputs must be divided by exp(sigma) - 1 and the number of tokens.
        """
        self.network, self.id_map, self.scaled = network, id_map, scaled
        self._breaks = torch.tensor(breaks, dtype=torch.int64, device=network.device)

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.network.device

    @property
    def size(self) -> int:
        """The number of ids in the checkpoint's weights."""
        return self.network.vocabulary

    def move(self) -> None:
        """Move the accompanying tensors to the network's device."""
        self.id_map, self._breaks = IdMap(self.id_map.ids, self.device), self._breaks.to(self.device)

    def encode(self, contexts: Sequence[Sequence[int]]) -> SequenceContext:
        """Split contexts; nothing is cached, because attention is bidirectional."""
        return SequenceContext(tuple(CanvasRow(*row_of(self.id_map, it), None) for it in contexts))

    @torch.no_grad()
    def logits(self, context: SequenceContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, RESERVED + V) float32; exponentials sum to the position's mass, whichever are forbidden."""
        lengths = (canvas.ids != PAD).sum(1).tolist()
        inside = self.id_map.inward(canvas.ids)
        own = [inside[n, :length] for n, length in enumerate(lengths)]
        rows = [torch.cat([row.left, it, row.right]) for it, row in zip(own, context.rows, strict=True)]
        ids, real = padded(rows)
        positions = torch.arange(ids.shape[1], device=self.device).unsqueeze(0)
        attention_mask = None if bool(real.all()) else real.unsqueeze(1).expand(-1, ids.shape[1], -1)
        sigma = total_noise(time_of(canvas))
        states, _ = self.network(ids, positions, attention_mask, sigma=sigma)
        fill, column = where.nonzero(as_tuple=True)
        starts = torch.tensor([len(row.left) for row in context.rows], device=self.device)
        out = self._rescaled(self.network.logits(states[fill, starts[fill] + column]), sigma[fill])
        return self._allowed(out, context, where)

    def _rescaled(self, out: Tensor, sigma: Tensor) -> Tensor:
        """Map the network's outputs (N, V) at noise sigma (N,) to logarithms of scores times exp(sigma) - 1."""
        return out - math.log(self.size - 1) if self.scaled else out + torch.expm1(sigma).log().unsqueeze(1)

    def _allowed(self, out: Tensor, context: SequenceContext, where: Tensor) -> Tensor:
        """Map (N, V) to (N, RESERVED + V) with forbidden tokens at minus infinity, and the mass unchanged."""
        out[:, self.id_map.ids.mask] = -torch.inf  # The mask's score is that of the row itself, not of a token.
        mass = out.logsumexp(1, keepdim=True)
        rows = self.id_map.outward(out)
        forbidden = forbidden_at(context, where, rows.shape[1], self._breaks)
        if forbidden is not None:
            rows.masked_fill_(forbidden, -torch.inf)
        return rows + (mass - rows.logsumexp(1, keepdim=True))

    @torch.no_grad()
    def logits_with_shadow(
        self, context: SequenceContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the logits, and those of each position as if it alone were masked, each in a row of its own."""
        plain = self.logits(context, canvas, where)
        rows, masked, alone = shadow_rows(canvas, shadows)
        if not rows:
            return plain, plain[:0]
        around = SequenceContext(tuple(context.rows[row] for row in rows), context.forbidden)
        return plain, self.logits(around, masked, alone)


def time_of(canvas: Canvas) -> Tensor:
    """Return (B,) float32: the time at which the noise leaves the holes in their current state."""
    holes = (~canvas.pinned).sum(1).clamp(min=1)
    return ((canvas.ids == MASK).sum(1) / holes).clamp(_EARLIEST, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeddFamily(DitFamily):
    """`DitFamily` with a score denoiser."""

    def denoiser(
        self, checkpoint: Checkpoint, ids: Ids, breaks: Sequence[int], dtype: torch.dtype, device: str
    ) -> OpenDenoiser:
        """Load the weights."""
        scaled = checkpoint.config.part("model").flag("scale_by_sigma", True)
        return SeddDenoiser(self.network(checkpoint, dtype, device), IdMap(ids, device), breaks, scaled=scaled)


def shape(checkpoint: Checkpoint) -> DitShape:
    """Read the sizes from SEDD's own nested keys."""
    config, model = checkpoint.config, checkpoint.config.part("model")
    config.part("graph").refuse("type", "absorb")
    config.part("noise").refuse("type", "loglinear")
    return checked(
        checkpoint,
        DitShape(
            vocabulary=config.number("tokens") + 1,
            width=model.number("hidden_size"),
            layers=model.number("n_blocks"),
            heads=model.number("n_heads"),
            condition=model.number("cond_dim"),
        ),
    )


def ids(checkpoint: Checkpoint) -> Ids:
    """Return the ids; the mask follows the tokens, and texts were cut at any place, so nothing surrounds the code."""
    return Ids(mask=checkpoint.config.number("tokens"), end=end_id(checkpoint))


FAMILY = SeddFamily(
    name="sedd",
    claims=lambda it: not it.config.model_type and bool({"graph", "noise", "tokens"} <= it.config.values.keys()),
    shape=shape,
    ids=ids,
    block=None,
    lengths="lengths",
    window=lambda it: window(it.config.part("model").number("length")),
    unmask=Analytic(),
)
