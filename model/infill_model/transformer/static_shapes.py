"""Runs a network in a few shapes only, so that each can be compiled once and recorded as a CUDA graph.

Rows are padded at their ends to the next of a few lengths. No position sees the padding, so the others get the same
results as without it, up to rounding. If compilation fails, this is logged once and the network runs uncompiled. Must
not depend on the meaning of tokens.

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
"""Positions of a row, padding included; with a window of 1536 tokens nearly all rows of a session have one length."""

MOST_ROWS: Final = 8
"""Fills in a batch; batches with shadows are wider, and each width would be a shape of its own."""

_MOST_SAID: Final = 160
"""Maximum length of the reason for a failed compilation; torch's messages run to pages."""

Forward: TypeAlias = Callable[[Tensor, Tensor], tuple[Tensor, list[KeysValues]]]
"""Maps ids (B, n) and a padding mask (B, n), true for real tokens, to states and keys and values, as in `Backbone`."""

_LOG: Final = logging.getLogger(__name__)


def recorded(forward: Forward) -> Forward:
    """Compile a forward function for each shape, with its launches recorded as a CUDA graph."""
    # Dynamo gives up after 8 shapes of one function, without a message that a user would see.
    torch._dynamo.config.recompile_limit = max(torch._dynamo.config.recompile_limit, len(LENGTHS) * MOST_ROWS)
    compiled: Forward = torch.compile(forward, mode="reduce-overhead", dynamic=False)
    return compiled


class StaticShapes:
    """Forward passes of one network over whole rows with full attention."""

    def __init__(self, network: Backbone, compiled: Callable[[Forward], Forward] = recorded) -> None:
        """Set up; a shape is compiled when it first occurs.

        Args:
            network: to be run.
            compiled: makes a faster forward function from the plain one.
        """
        self._network = network
        self._compiled = compiled(self._plain)
        self.shapes: set[tuple[int, int]] = set()
        """B and n of the shapes run compiled."""
        self.failed = ""
        """Why compilation fails here; once set, nothing is padded or compiled any more."""

    def __call__(self, ids: Tensor, real: Tensor) -> tuple[Tensor, list[KeysValues]] | None:
        """Return states (B, m, D), m >= n, and keys and values; copy from them before the next call.

        Args:
            ids: (B, n) int64.
            real: (B, n) bool, false for padding.

        Returns:
            None if this shape is not compiled; the caller must then run the network itself.
        """
        rows, length = ids.shape
        whole = next((it for it in LENGTHS if it >= length), None)
        if self.failed or whole is None or rows > MOST_ROWS:
            return None
        try:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
            found = self._compiled(F.pad(ids, (0, whole - length)), F.pad(real, (0, whole - length)))
        except Exception as error:  # A compiler, Triton or memory for graphs may be missing.
            self.failed = " ".join(f"{type(error).__name__}: {error}".split())[:_MOST_SAID]
            _LOG.warning("torch.compile does not work here (%s); fills are not compiled", self.failed)
            return None
        self.shapes.add((rows, whole))
        return found

    @property
    def state(self) -> str:
        """The compilation state, as a suffix to the name of a dtype."""
        if self.failed:
            return f", not compiled ({self.failed})"
        return ", compiled" if self.shapes else ""

    @torch.no_grad()
    def prepare(self, rows: int, length: int) -> None:
        """Compile the shape of this many rows and this length now, rather than during a user's request."""
        ids = torch.zeros(rows, length, dtype=torch.int64, device=self._network.device)
        self(ids, torch.ones_like(ids, dtype=torch.bool))

    def _plain(self, ids: Tensor, real: Tensor) -> tuple[Tensor, list[KeysValues]]:
        positions = torch.arange(ids.shape[1], device=ids.device).unsqueeze(0)
        found: tuple[Tensor, list[KeysValues]] = self._network(
            ids, positions, real.unsqueeze(1).expand(-1, ids.shape[1], -1)
        )
        return found
