"""A network that is run in a few shapes only, so that each can be compiled once and recorded as a CUDA graph.

Rows are padded at their ends to the next of a few lengths. Nobody sees the padding, so all other positions get what
they would get without it, to rounding. What cannot be compiled is said once and run as it is. It knows no tokens.

Shapes: B rows, n positions, D width.
"""

import logging
from collections.abc import Callable
from typing import Final, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.transformer.transformer import Backbone, KeysValues

LENGTHS: Final = (128, *range(256, 2049, 256))
"""Positions of a row, padding included; with a window of 1536 tokens nearly all of a session are of one length."""

MOST_ROWS: Final = 8
"""Fills in a batch; those of shadows are wider, and each width would be a shape of its own."""

_MOST_SAID: Final = 160
"""Characters of why compiling does not work; torch says pages."""

Forward: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, list[KeysValues]]]
"""From ids (B, n) and which of them are no padding (B, n) to states and keys and values, as `Backbone` has them."""

_LOG: Final = logging.getLogger(__name__)


def recorded(forward: Forward) -> Forward:
    """Compiled for each shape, its launches recorded as a CUDA graph."""
    # Dynamo gives up after 8 shapes of one function, and says so nowhere that a user would look.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, len(LENGTHS) * MOST_ROWS)
    compiled: Forward = torch.compile(forward, mode="reduce-overhead", dynamic=False)
    return compiled


class StaticShapes:
    """Forwards of one network over whole rows, all of which see each other."""

    def __init__(self, network: Backbone, compiled: Callable[[Forward], Forward] = recorded) -> None:
        """Compile nothing yet: that is done when a shape comes for the first time.

        Args:
            network: to be run.
            compiled: makes a quicker forward of the plain one.
        """
        self._network = network
        self._compiled = compiled(self._plain)
        self.shapes: set[tuple[int, int]] = set()
        """B and n of what was run compiled."""
        self.failed = ""
        """Why compiling does not work here; then nothing is padded or compiled any more."""

    def __call__(self, ids: Tensor, real: Tensor) -> tuple[Tensor, list[KeysValues]] | None:
        """States (B, m, D), m >= n, and keys and values; to be copied from before the next call.

        Args:
            ids: (B, n) int64.
            real: (B, n) bool, which are no padding.

        Returns:
            None where this shape is not compiled; the caller runs the network itself then.
        """
        rows, length = ids.shape
        whole = next((it for it in LENGTHS if it >= length), None)
        if self.failed or whole is None or rows > MOST_ROWS:
            return None
        try:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            found = self._compiled(F.pad(ids, (0, whole - length)), F.pad(real, (0, whole - length)))
        except Exception as error:  # Whatever is missing: a compiler, Triton, memory for graphs.
            self.failed = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_SAID]
            _LOG.warning("torch.compile does not work here (%s); fills are not compiled", self.failed)
            return None
        self.shapes.add((rows, whole))
        return found

    @property
    def state(self) -> str:
        """How it is, to stand behind the name of a dtype."""
        if self.failed:
            return f", not compiled ({self.failed})"
        return ", compiled" if self.shapes else ""

    @torch.no_grad()
    def prepare(self, rows: int, length: int) -> None:
        """Compile the shape of so many rows of this length now, rather than in somebody's request."""
        ids = torch.zeros(rows, length, dtype=torch.int64, device=self._network.device)
        self(ids, torch.ones_like(ids, dtype=torch.bool))

    def _plain(self, ids: Tensor, real: Tensor) -> tuple[Tensor, list[KeysValues]]:
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        found: tuple[Tensor, list[KeysValues]] = self._network(
            ids, positions, real.unsqueeze(1).expand(-1, ids.shape[1], -1)
        )
        return found
