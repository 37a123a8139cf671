"""The combinations of options that `bench sweep` measures."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Final

from infill_model.request import Options

STEPS: Final = (1, 2, 4, 8, 64)
"""The most steps of a block, from one for all tokens to one for each."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The values of each option; every combination is measured."""

    steps: tuple[int, ...] = (4, 8, 64)
    masks: tuple[int | None, ...] = (8, 12, 24)
    unmask: tuple[str, ...] = ("threshold:0.9:0.5", "threshold:0.9:0.7", "threshold:0.9:0.9", "factor")
    remask: tuple[str, ...] = ("none", "revoke:0.3", "edit")
    critic: tuple[bool, ...] = (True, False)

    def options(self) -> Iterator[Options]:
        """Yield every combination."""
        for steps, masks, unmask, remask, critic in itertools.product(*asdict(self).values()):
            yield Options(steps=steps, masks=masks, unmask=unmask, remask=remask, critic=critic)


def methods() -> Iterator[Options]:
    """Yield each method of denoising by itself, without copies: orders at several numbers of steps, then the others."""
    plain = Options(retrieve=False)
    for unmask, steps in itertools.product(("top_k", plain.unmask, "structure"), STEPS):
        yield replace(plain, unmask=unmask, steps=steps)
    for unmask in ("random", "top_k:cosine", "factor", "entropy_bound"):
        yield replace(plain, unmask=unmask)
    for remask in ("cap", "rescale", "conf", "loop", "revoke:0.3", "edit"):
        yield replace(plain, remask=remask)
    for guide in ("context:0.25", "context:1", "quotes", "naming", "judges"):
        yield replace(plain, guide=guide)
    yield replace(plain, critic=False)


def acceptance() -> Iterator[Options]:
    """Yield what the larger model may be given: no drafts, and drafted tokens kept from several probabilities on."""
    yield Options(retrieve=False)
    for remask in ("none", "verify:0.5", "verify:0.2", "verify:0.05"):
        yield Options(remask=remask)


GRIDS: Final[Mapping[str, Callable[[], Iterator[Options]]]] = MappingProxyType(
    {"usual": Grid().options, "methods": methods, "acceptance": acceptance}
)
"""The grids by name."""
