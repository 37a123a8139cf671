"""The random numbers of the sampled fills: one stream for each row, step and purpose.

They depend on the row's seed alone, never on the rows beside it, the width of the batch, or what was drawn before; so a
fill is the same alone and in any batch. It knows nothing of what is drawn with them.
"""

from dataclasses import dataclass
from enum import IntEnum

import torch
from torch import Tensor


class Purpose(IntEnum):
    """What numbers are drawn for; each purpose has its own stream."""

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
        """(B, C) float32, uniform in [0, 1). Called again with the same arguments it gives the same numbers."""
        generator = torch.Generator()
        rows = []
        for seed in self.seeds:
            # An odd multiplier spreads neighbouring seeds over the whole state; steps and purposes fill the gaps.
            generator.manual_seed((seed * 0x9E3779B97F4A7C15 + step * len(Purpose) + purpose) % 2**63)
            # Drawn on the CPU, one number after the other, so a wider row begins with the numbers of a narrower one.
            rows.append(torch.rand(self.width, generator=generator))
        return torch.stack(rows).to(self.device)
