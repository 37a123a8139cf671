"""The random numbers of the sampled fills: one stream for each row, step and purpose.

They depend only on the row's seed, never on the other rows, the width of the batch, or earlier draws; so a fill is the
same alone and in any batch. Must not depend on how the numbers are used.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor


class Purpose(IntEnum):
    """The use of the numbers; each purpose has its own stream."""

    SAMPLE = 0
    UNMASK = 1
    REMASK = 2


@dataclass(frozen=True, slots=True)
class Noise:
    """Random numbers for B rows of C positions."""

    seeds: tuple[int, ...]
    width: int
    device: torch.device

    def uniform(self, step: int, purpose: Purpose) -> Tensor:
        """Return (B, C) float32, uniform in [0, 1). The same arguments give the same numbers."""
        generator = torch.Generator()
        rows = []
        for seed in self.seeds:
            # An odd multiplier spreads neighbouring seeds over the whole state; steps and purposes fill the gaps.
            generator.manual_seed((seed * 0x9E3779B97F4A7C15 + step * len(Purpose) + purpose) % 2**63)
            # Drawn on the CPU one after another, so that a wider row begins with the numbers of a narrower one.
            rows.append(torch.rand(self.width, generator=generator))
        return torch.stack(rows).to(self.device)
