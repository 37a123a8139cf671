"""Runs the steps of several requests in one forward pass: rows join and leave between steps.

One thread encodes contexts and takes steps. Each request denoises in a thread of its own, by the one loop; where
it asks for logits it waits here, and all that wait together share a forward. Canvases lie one behind the other, without
padding; each attends to itself and to its own context. Must not depend on text or policies.

Shapes: B rows of one request, C canvas positions, N positions of all rows together, D width, E head width.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.embedded.denoiser import EmbeddedDenoiser, EncodedContext
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.embedded.network import DenoiserLayer, Network, norm
from infill_model.filler import never
from infill_model.vocabulary import PAD

T = TypeVar("T")

LINGER: Final = 0.002
"""Seconds that a step waits for the other requests in progress, so that they share its forward."""

ENCODINGS: Final = 4
"""How many contexts are encoded between two steps: with more, larger batches; with fewer, shorter waits for a step."""

SIZES: Final = 256
"""How many of the last batch sizes are kept."""


@dataclass(frozen=True, slots=True)
class _Step:
    """One request that waits for the logits of its canvases."""

    context: EncodedContext
    canvas: Canvas
    where: Tensor
    logits: "Future[Tensor]" = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Row:
    """One canvas in a shared forward: its keys and values (2, 1, G, P, E) per layer, context tokens, and width."""

    keys_values: tuple[Tensor, ...]
    start: int
    width: int


class StepBatcher:
    """The thread that runs a network; thread-safe."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.sizes: deque[int] = deque(maxlen=SIZES)
        self.forwards = self.rows = 0
        self._changed = threading.Condition()
        self._work: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._steps: list[_Step] = []
        self._active = 0
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="forwards", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread, once what waits is done."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    @property
    def runs_here(self) -> bool:
        """Whether the caller is the thread that runs the network."""
        return threading.current_thread() is self._thread

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request as in progress; a step waits a little for the others."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def run(self, work: Callable[[], T]) -> T:
        """Run work that reads the weights between two steps, and return its result."""
        done: Future[T] = Future()
        with self._changed:
            self._work.append((work, done))
            self._changed.notify()
        return done.result()

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return the logits (N, V) of `Denoiser.logits`, computed together with other requests'."""
        step = _Step(context, canvas, where)
        with self._changed:
            self._steps.append(step)
            self._changed.notify()
        return step.logits.result()

    def _count(self, more: int) -> None:
        with self._changed:
            self._active += more
            self._changed.notify()

    def _serve(self) -> None:
        """Encode a few contexts, then take a step of all that wait for one, and so on."""
        while self._wait():
            for _ in range(ENCODINGS):
                work = self._next_work()
                if work is None:
                    break
                _finish(work[1], work[0])
            with self._changed:
                steps, self._steps = self._steps, []
            if steps:
                self._step(steps)

    def _wait(self) -> bool:
        """Wait for something to do; return False once this is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._work or self._steps or self._closed)
            return bool(self._work or self._steps)

    def _next_work(self) -> "tuple[Callable[[], Any], Future[Any]] | None":
        """Return what is to be done before the next step; None if all requests wait for it, or nothing comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._work or len(self._steps) >= self._active, LINGER)
            return self._work.popleft() if self._work else None

    def _step(self, steps: Sequence[_Step]) -> None:
        rows = sum(it.context.batch for it in steps)
        self.forwards += 1
        self.rows += rows
        self.sizes.append(rows)
        try:
            logits = _logits(self.network, steps)
        except Exception as error:  # It belongs to those who wait; the thread serves the next ones.
            for it in steps:
                it.logits.set_exception(error)
            return
        for it, own in zip(steps, logits, strict=True):
            it.logits.set_result(own)


class SharedDenoiser(EmbeddedDenoiser):
    """The denoiser of one document: contexts of its own, steps shared with others'. For one request at a time.

    Attributes:
        cancelled: whether nobody waits for the request any more.
    """

    def __init__(self, batcher: StepBatcher) -> None:
        super().__init__(batcher.network)
        self._batcher = batcher
        self.cancelled: Callable[[], bool] = never

    def cache_for(self, ids: Sequence[int], beside: Sequence[EncoderCache] = ()) -> EncoderCache:
        """Encode a context as `EmbeddedDenoiser.cache_for` does, between two steps."""
        if self._batcher.runs_here:
            return super().cache_for(ids, beside)
        return self._batcher.run(partial(EmbeddedDenoiser.cache_for, self, ids, beside))

    def encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        """Encode one context per fill, between two steps.

        Raises:
            CancelledError: the request was cancelled while it waited for that.
        """
        return self._batcher.run(partial(self._encode, contexts))

    def _encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        if self.cancelled():
            raise CancelledError
        return super().encode(contexts)

    def logits(self, context: EncodedContext, canvas: Canvas, where: Tensor) -> Tensor:
        """Return (N, V) float32 logits at the positions where `where` (B, C) is true, in a shared forward."""
        return self._batcher.logits(context, canvas, where)

    def logits_with_shadow(
        self, context: EncodedContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the logits and those of shadows, in a forward of their own."""
        return self._batcher.run(partial(EmbeddedDenoiser.logits_with_shadow, self, context, canvas, where, shadows))


def _finish(done: "Future[Any]", work: Callable[[], Any]) -> None:
    try:
        done.set_result(work())
    except Exception as error:  # It belongs to the one who waits.
        done.set_exception(error)


@torch.no_grad()
def _logits(network: Network, steps: Sequence[_Step]) -> list[Tensor]:
    """Return the logits of each step (N, V), from one forward over all rows."""
    rows = [it for step in steps for it in _rows(step)]
    x = torch.cat([_embedded(network, it) for it in steps]).unsqueeze(0)  # (1, N, D)
    device = x.device
    places = torch.cat([torch.arange(it.start, it.start + it.width, device=device) for it in rows])
    rotary = network.rotary[:, places]
    for number, layer in enumerate(network.denoiser_layers):
        x = _layer(layer, x, rotary, [(it.keys_values[number], it.start, it.width) for it in rows])
    read = torch.cat([it.where[it.canvas.ids != PAD] for it in steps])
    logits = network.logits(norm(x[0][read])).float()
    return list(torch.split(logits, [int(it.where.sum()) for it in steps]))


def _rows(step: _Step) -> list[_Row]:
    widths = (step.canvas.ids != PAD).sum(1).tolist()
    return [
        _Row(tuple(it[:, row : row + 1] for it in step.context.keys_values), start, width)
        for row, (start, width) in enumerate(zip(step.context.lengths.tolist(), widths, strict=True))
    ]


def _embedded(network: Network, step: _Step) -> Tensor:
    """Return the embedded canvases of a step, one behind the other without padding (N, D)."""
    canvas, context = step.canvas, step.context
    x, near = network.embed_canvas(canvas.ids, canvas.pinned, context.last, context.expected)
    return (x + near)[canvas.ids != PAD]


def _layer(layer: DenoiserLayer, x: Tensor, rotary: Tensor, rows: Sequence[tuple[Tensor, int, int]]) -> Tensor:
    """Run one layer over (1, N, D); each row writes its keys and values behind its context, and reads up to there."""
    widths = [width for _, _, width in rows]
    q, k, v = (torch.split(it, widths, dim=2) for it in layer.attention.project(norm(x), rotary))
    seen = []
    for (cached, start, width), queries, keys, values in zip(rows, q, k, v, strict=True):
        end = start + width
        cached[0, :, :, start:end], cached[1, :, :, start:end] = keys, values
        own = cached[:, :, :, :end]
        seen.append(F.scaled_dot_product_attention(queries, own[0], own[1], enable_gqa=True))
    x = x + layer.attention.out(torch.cat(seen, dim=2).transpose(1, 2).flatten(2))
    out: Tensor = x + layer.mlp(norm(x))
    return out
