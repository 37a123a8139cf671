"""A denoiser that follows a script instead of a network, for tests of the loop and of everything built on it.

It is a real implementation of `Denoiser`, small enough that its probabilities can be worked out by hand. Must not
depend on text or policies.

Shapes: B fills, C canvas positions, V vocabulary.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.vocabulary import DEL, RESERVED


@dataclass(frozen=True, slots=True)
class WrongGuess:
    """A mistake at one position: `id` is predicted there until the canvas holds the target at position `until`."""

    id: int
    until: int


@dataclass(frozen=True, slots=True)
class Script:
    """The result that one fill is denoised to.

    Attributes:
        target: the id that belongs at each canvas position; `DEL` beyond its end.
        confidence: the probability of the prediction at each position while neither neighbour holds its target. Each
            neighbour that does halves the remaining probability.
        wrong: mistakes, by position.
    """

    target: Sequence[int]
    confidence: Sequence[float]
    wrong: Mapping[int, WrongGuess] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ScriptedContext:
    """The scripts chosen by the contexts of a batch."""

    scripts: tuple[Script, ...]

    @property
    def batch(self) -> int:
        """The number of fills this context serves."""
        return len(self.scripts)


@dataclass(slots=True)
class ScriptedDenoiser:
    """Predicts the scripted tokens; the first id of a context is the number of its script.

    Attributes:
        scripts: to choose from.
        vocabulary: the number of ids.
        copies: the probability with which a visible position repeats its own token, as in networks that were never
            trained to overwrite; None to predict visible positions like masked ones. Shadows never copy.
        forwards: the number of forward passes so far.
    """

    scripts: Sequence[Script]
    vocabulary: int = 64
    copies: float | None = None
    forwards: int = 0

    def encode(self, contexts: Sequence[Sequence[int]]) -> ScriptedContext:
        """Choose a script for each fill."""
        return ScriptedContext(tuple(self.scripts[context[0]] for context in contexts))

    def logits(self, context: ScriptedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, V) float32: the logarithms of the scripted probabilities."""
        self.forwards += 1
        return self._both(context, canvas)[0][where]

    def logits_with_shadow(
        self, context: ScriptedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return `logits`, and the same without copying the token at a position, in one forward pass."""
        self.forwards += 1
        plain, shadow = self._both(context, canvas)
        return plain[where], shadow[shadows]

    def _both(self, context: ScriptedContext, canvas: Canvas) -> tuple[Tensor, Tensor]:
        """Return (B, C, V) with and without copying."""
        rows = zip(context.scripts, canvas.ids.tolist(), strict=True)
        shadow = torch.stack([self._row(script, ids) for script, ids in rows]).to(canvas.ids.device)
        if self.copies is None:
            return shadow, shadow
        copied = torch.full_like(shadow, math.log((1 - self.copies) / (self.vocabulary - 1)))
        copied.scatter_(2, canvas.ids.unsqueeze(2), math.log(self.copies))
        return torch.where(canvas.masked.unsqueeze(2), shadow, copied), shadow

    def _row(self, script: Script, ids: list[int]) -> Tensor:
        """Return the (C, V) logits of one fill."""
        target = [*script.target, *[DEL] * len(ids)][: len(ids)]
        confidence = [*script.confidence, *[0.5] * len(ids)]
        shown = [i == t for i, t in zip(ids, target, strict=True)]
        row = torch.full((len(ids), self.vocabulary), -math.inf)
        for position, token in enumerate(target):
            wrong = script.wrong.get(position)
            guess = wrong.id if wrong and not any(shown[wrong.until : wrong.until + 1]) else token
            neighbours = sum(shown[max(position - 1, 0) : position]) + sum(shown[position + 1 : position + 2])
            doubt = (1 - confidence[position]) / 2**neighbours
            others = self.vocabulary - RESERVED - (guess >= RESERVED)
            row[position, RESERVED:] = math.log(doubt / others) if doubt else -math.inf
            row[position, guess] = math.log(1 - doubt)
        return row
