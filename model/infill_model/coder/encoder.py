"""A cached causal encoder whose end may branch: drafts from several sources are read in one forward pass.

The row of a context is kept exactly: its common prefix with the previous row is not run again. It is followed by a tree
of tokens, each seeing the row and its own ancestors (a tree mask), so several drafts and the text written from them
share one forward pass and one cache.

Shapes: n tokens run, T tokens of the row, P places, D width, V tokens of the trimmed head.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from infill_model.filler import never
from infill_model.transformer.packed import CausalNetwork, DenoiserLayers

CHUNK: Final = 64
"""Tokens of a context that are encoded between two checks for whether to stop."""

BRANCHES: Final = 512
"""Places for the drafts and the text written after a row."""

CACHES: Final = 3
"""Rows that are kept: enough for a few places between which a user moves back and forth."""

ROOT: Final = -1
"""The node that represents the end of the row."""

BEFORE: Final = -2
"""The node that represents the row without its last token."""


@dataclass(slots=True)
class Node:
    """A token after the row: its id, its parent's number or `ROOT`, its depth, and its place in the cache."""

    token: int
    parent: int
    depth: int
    place: int


class RowCache:
    """Keys and values of one row, and of the tree after it."""

    def __init__(self, network: CausalNetwork, longest: int) -> None:
        self.network, self.longest = network, longest
        self._cache = network.cache(longest + BRANCHES)
        self.ids: list[int] = []
        self._encoded = 0
        self.nodes: list[Node] = []
        self._logits: dict[int, Tensor] = {}
        self._residuals: dict[int, Tensor] = {}

    def common(self, ids: Sequence[int]) -> int:
        """Return how many leading tokens of a row are already encoded."""
        shared = 0
        for old, new in zip(self.ids[: self._encoded], ids, strict=False):
            if old != new:
                break
            shared += 1
        return shared

    def open(self, ids: Sequence[int], stop: Callable[[], bool] = never) -> bool:
        """Make the cache hold a row except its last tokens, which run with the first branches; discard the tree.

        Returns:
            Whether it was done; False once `stop` returned true. The tokens encoded until then are kept.
        """
        self._encoded = min(self.common(ids), max(0, len(ids) - 2))
        self.ids, self.nodes, self._logits, self._residuals = list(ids), [], {}, {}
        while len(ids) - self._encoded > CHUNK:
            if stop():
                return False
            self._run(self.ids[self._encoded : self._encoded + CHUNK], [])
        return True

    def grow(self, branches: Sequence[tuple[int, Sequence[int]]]) -> list[list[int]]:
        """Read tokens after the row in one forward pass; branches that begin alike share their nodes.

        Args:
            branches: the number of the node (or `ROOT`) that each follows, and its ids.

        Returns:
            The numbers of each branch's nodes.
        """
        known = {(node.parent, node.token): number for number, node in enumerate(self.nodes)}
        first, paths = len(self.nodes), []
        for parent, ids in branches:
            path, at = [], parent
            for token in ids:
                number = known.get((at, token))
                if number is None:
                    if len(self.nodes) >= BRANCHES:
                        break
                    number = known[at, token] = len(self.nodes)
                    depth = 1 if at == ROOT else self.nodes[at].depth + 1
                    self.nodes.append(Node(token, at, depth, len(self.ids) + number))
                path.append(number)
                at = number
            paths.append(path)
        self._run(self.ids[self._encoded :], self.nodes[first:])
        return paths

    def logits(self, node: int) -> Tensor:
        """Return the logits (V,) float32 of the token after a node that was read, or after the row's end."""
        return self._logits[node]

    def forget_logits(self, but: int) -> None:
        """Drop the logits of all nodes but one: those of a long text take 250 kB for each token."""
        self._logits = {but: self._logits[but].clone()}

    def residual(self, node: int) -> Tensor:
        """Return the residual stream (D,) below the encoder's last layers at a node that was read, or the row's end."""
        return self._residuals[node]

    def denoise(self, denoiser: DenoiserLayers, tip: int, x: Tensor) -> Tensor:
        """Run a canvas after a node that was read, without keeping any of it.

        Args:
            denoiser: the layers.
            tip: the node's number, or `ROOT`.
            x: (C, D), the initial states; all positions see the row, the node and its ancestors, and each other.

        Returns:
            Normed states (C, D).
        """
        network, start, count = self.network, len(self.ids) + len(self.nodes), len(x)
        attention_mask = torch.zeros(start + count, dtype=torch.bool)
        attention_mask[: len(self.ids)], attention_mask[start:] = True, True
        for node in self._up_from(tip):
            attention_mask[node.place] = True
        depth = 0 if tip == ROOT else self.nodes[tip].depth
        positions = torch.arange(len(self.ids) + depth, len(self.ids) + depth + count, device=network.device)
        mask = attention_mask.expand(count, -1).to(network.device)
        return network.denoise(denoiser, x, positions, mask, self._cache, start)

    def has_room(self, count: int) -> bool:
        """Report whether there are places for this many canvas positions."""
        return len(self.ids) + len(self.nodes) + count <= self.longest + BRANCHES

    def _up_from(self, number: int) -> Iterator[Node]:
        """Yield a node and its ancestors."""
        while number != ROOT:
            yield self.nodes[number]
            number = self.nodes[number].parent

    def knows(self, node: int) -> bool:
        """Report whether a node was read."""
        return node in self._logits

    def _run(self, tail: Sequence[int], nodes: Sequence[Node]) -> None:
        """Run the rest of the row (or a chunk of it) and new nodes, in one forward pass."""
        start, n = self._encoded, len(tail) + len(nodes)
        if n == 0:
            return
        place = start + len(tail) if nodes else start
        if nodes:
            place = nodes[0].place - len(tail)
        ids = torch.tensor([*tail, *(it.token for it in nodes)], device=self.network.device)
        row = range(start, start + len(tail))
        positions = torch.tensor([*row, *(len(self.ids) - 1 + it.depth for it in nodes)], device=self.network.device)
        attention_mask = self._attention_mask(len(tail), nodes, place)
        states, residual = self.network.run(ids, positions, attention_mask, self._cache, place)
        self._encoded += len(tail)
        self._read(states, residual, len(tail), nodes)

    def _attention_mask(self, tail: int, nodes: Sequence[Node], place: int) -> Tensor | None:
        """Return (n, place + n) bool: the places that each token sees."""
        n = tail + len(nodes)
        if n == 1 and (not nodes or nodes[0].place == len(self.ids)):
            return None
        attention_mask = torch.zeros(n, place + n, dtype=torch.bool)
        for index in range(tail):
            attention_mask[index, : self._encoded + index + 1] = True
        for index, node in enumerate(nodes, tail):
            attention_mask[index, : len(self.ids)] = True
            attention_mask[index, [node.place, *(it.place for it in self._up_from(node.parent))]] = True
        return attention_mask.to(self.network.device)

    def _read(self, states: Tensor, residual: Tensor, tail: int, nodes: Sequence[Node]) -> None:
        """Keep logits and residuals of the row's end, of the row without its last token, and of the new nodes."""
        at_end = tail > 0 and self._encoded == len(self.ids)
        last = min(tail, 2) if at_end else 0
        wanted = states[tail - last :]
        if not len(wanted) or (tail and not at_end and not nodes):
            return
        first = nodes[0].place - len(self.ids) if nodes else 0
        numbers = [*(BEFORE, ROOT)[2 - last :], *range(first, first + len(nodes))]
        self._logits |= dict(zip(numbers, self.network.logits(wanted), strict=True))
        self._residuals |= dict(zip(numbers, residual[tail - last :], strict=True))


class CausalEncoder:
    """A few caches of encoded rows."""

    def __init__(self, network: CausalNetwork, longest: int) -> None:
        self.network, self.longest = network, longest
        self._caches: list[RowCache] = []

    def cache_for(self, ids: Sequence[int]) -> RowCache:
        """Return the cache that holds most of a row; if none holds a fourth of it, the oldest is dropped.

        Raises:
            ValueError: the row is longer than a cache.
        """
        if len(ids) > self.longest:
            raise ValueError(f"{len(ids)} tokens do not fit a cache of {self.longest}")
        best = max(self._caches, key=lambda it: it.common(ids), default=None)
        if best is None or best.common(ids) < len(ids) // 4:
            full = len(self._caches) >= CACHES
            best = self._caches[0] if full else RowCache(self.network, self.longest)
        self._caches = [it for it in self._caches if it is not best] + [best]
        return best

    def forget(self) -> None:
        """Drop all caches."""
        self._caches = []
