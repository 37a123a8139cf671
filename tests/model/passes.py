"""Count what a fill costs the embedded model."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.infill.window import ContextWindow

COUNTED = {
    "layouts": (ContextWindow, ["context"]),
    "look-ups": (EmbeddedDenoiser, ["cache_for"]),
    "encodes": (EncoderCache, ["_extend"]),
    "steps": (EmbeddedDenoiser, ["logits", "logits_with_shadow"]),
    "readings": (EncoderCache, ["branches"]),
}
"""Counted calls: contexts laid out, looked up in the cache and encoded; forwards of the denoiser and the encoder."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Yield how often each of `COUNTED` happens, and how many context tokens are encoded (`tokens`)."""
    counts: Counter[str] = Counter()

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            counts[name] += 1
            if name == "encodes":
                counts["tokens"] += len(self.ids) - self.reused
            return function(self, *arguments, **named)

        return call

    with ExitStack() as stack:
        for name, (owner, methods) in COUNTED.items():
            for it in methods:
                stack.enter_context(patch.object(owner, it, counting(name, getattr(owner, it))))
        yield counts
