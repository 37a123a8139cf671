"""Writes a gap after a cached row: drafts are read in one forward pass, and the part the encoder accepts is kept.

Every forward pass reads a tree: the tokens written last and drafts of their continuation. The longest accepted path
in the tree is committed, the encoder's own next token is added, and drafting resumes after it. With `Acceptance()`
the output is token for token the encoder's own left-to-right output (speculative decoding, arXiv 2211.17192, with tree
attention, arXiv 2305.09781).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from infill_model.coder.encoder import ROOT, RowCache
from infill_model.request import StopReason

END: Final = -1
"""Stands for the end of a gap among the tokens that may follow a node."""

_LEAST: Final = 1e-12


@dataclass(frozen=True, slots=True)
class Ends:
    """The tokens of the trimmed head that end a gap.

    Attributes:
        ids: (V,) int64, of the head's tokens.
        always: (V,) bool; marks that end any gap.
        at_line: (V,) bool; those, and tokens that begin with a line break, which end a gap within a line.
    """

    ids: Tensor
    always: Tensor
    at_line: Tensor

    def index(self, token: int) -> int:
        """Return a token's index in the trimmed head; -1 if it has none."""
        at = int(torch.searchsorted(self.ids, token))
        return at if at < len(self.ids) and int(self.ids[at]) == token else -1


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Which drafted tokens are kept: the encoder's own choice, or any token with at least the probability `least`."""

    least: float = 1.0


@dataclass(frozen=True, slots=True)
class WrittenRow:
    """The tokens written after a row.

    Attributes:
        ids: of the tokens, without the end.
        probabilities: of each token, and of the end if it was written.
        path: numbers of the nodes that were read.
        forwards: forward passes spent on it.
        stopped: why it ended; None while it continues.
        healed: whether it begins with the token at the cursor, or a longer one in its place.
    """

    ids: tuple[int, ...] = ()
    probabilities: tuple[float, ...] = ()
    path: tuple[int, ...] = ()
    forwards: int = 0
    stopped: StopReason | None = None
    healed: bool = False

    @property
    def total(self) -> float:
        """The log-probability of the text written so far."""
        return sum(math.log(max(it, _LEAST)) for it in self.probabilities)

    @property
    def tip(self) -> int:
        """The node that the next token follows."""
        return self.path[-1] if self.path else ROOT


@dataclass(slots=True)
class Writer:
    """Writes after one row.

    Attributes:
        cache: of the row, opened.
        ends: the tokens that end a gap.
        line: whether a line break ends it too.
        blank: whether tokens written after the row insert nothing but blanks; if given, a gap must hold more.
        breaks: whether a token has a line break after other characters.
        most: the maximum number of tokens of a gap.
    """

    cache: RowCache
    ends: Ends
    line: bool
    blank: Callable[[Sequence[int]], bool] | None
    breaks: Callable[[int], bool]
    most: int
    _read: dict[int, tuple[Tensor, float]] = field(default_factory=dict)
    _children: dict[int, dict[int, int]] = field(default_factory=dict)

    def step(
        self, going: Sequence[WrittenRow], drafts: Sequence[Sequence[Sequence[int]]], acceptance: Acceptance, room: int
    ) -> list[WrittenRow]:
        """Read the tokens written last and drafts of their continuation, for several rows in one pass, and commit.

        Args:
            going: the rows written so far, not ended.
            drafts: possible continuations of each, the best first.
            acceptance: which drafted tokens are kept.
            room: the maximum number of drafted tokens read for each.
        """
        branches: list[tuple[int, Sequence[int]]] = []
        firsts = list[int]()
        for written, its in zip(going, drafts, strict=True):
            pending = written.ids[len(written.path) :]
            firsts.append(len(branches))
            branches += [(written.tip, (*pending, *it)) for it in _pruned(its, room) or [()]]
        paths = self._grow(branches)
        after = []
        for written, first in zip(going, firsts, strict=True):
            last = len(written.ids) - len(written.path)
            if len(paths[first]) < last:  # The cache is full.
                after.append(replace(written, stopped="steps"))
                continue
            read = replace(written, path=(*written.path, *paths[first][:last]), forwards=written.forwards + 1)
            after.append(self._accepted(read, acceptance))
        return after

    def read(self, drafts: Sequence[Sequence[int]]) -> None:
        """Read drafts after the row in one forward pass, to learn their probabilities; nothing is committed."""
        self._grow([(ROOT, it) for it in drafts])

    def _grow(self, branches: Sequence[tuple[int, Sequence[int]]]) -> list[list[int]]:
        """Read branches, rebuild the children of every node, and return the branches' nodes."""
        paths = self.cache.grow(branches)
        self._children = {}
        for number, node in enumerate(self.cache.nodes):
            self._children.setdefault(node.parent, {})[node.token] = number
        return paths

    def _accepted(self, written: WrittenRow, acceptance: Acceptance) -> WrittenRow:
        """Walk down the tree while its tokens are accepted, and add the encoder's own next token."""
        while True:
            children = self._children.get(written.tip, {})
            token, probability = self.choose(written.tip, acceptance, children)
            probabilities = (*written.probabilities, probability)
            if token == END:
                return replace(written, probabilities=probabilities, stopped="complete")
            written = replace(written, ids=(*written.ids, token), probabilities=probabilities)
            if (self.line and self.breaks(token)) or len(written.ids) >= self.most:
                return replace(written, stopped="complete" if len(written.ids) < self.most else "steps")
            child = children.get(token)
            if child is None:
                return written
            written = replace(written, path=(*written.path, child))

    def choose(self, node: int, acceptance: Acceptance, children: dict[int, int]) -> tuple[int, float]:
        """Return the next token after a node, or `END`, and its probability."""
        probabilities, end = self.probabilities(node)
        best = int(probabilities.argmax())
        token, probability = int(self.ends.ids[best]), float(probabilities[best])
        if acceptance.least < 1:
            drafted = [(float(probabilities[self.ends.index(it)]), it) for it in children if self.ends.index(it) >= 0]
            likely = max(drafted, default=(0.0, END))
            if likely[0] >= acceptance.least:
                return likely[1], likely[0]
        return (END, end) if end >= probability else (token, probability)

    def probabilities(self, node: int) -> tuple[Tensor, float]:
        """Return the probabilities (V,) of the next tokens, 0 for those that end the gap; and that of the end."""
        if node not in self._read:
            all_of_them = self.cache.logits(node).softmax(0)
            ends = self.ends.at_line if self.line else self.ends.always
            going_on, end = all_of_them.masked_fill(ends, 0.0), float(all_of_them[ends].sum())
            if self._must_go_on(node):
                going_on, end = going_on / max(1 - end, _LEAST), 0.0
            self._read[node] = going_on, end
        return self._read[node]

    def _must_go_on(self, node: int) -> bool:
        """Report whether a gap must not end at a node, because nothing but blanks is written up to there."""
        if self.blank is None:
            return False
        ids = list[int]()
        while node >= 0:
            ids.append(self.cache.nodes[node].token)
            node = self.cache.nodes[node].parent
        return node == ROOT and self.blank(ids[::-1])

    def log_probability(self, ids: Sequence[int], known: int = 0, *, ends: bool = True) -> float | None:
        """Return the log-probability (nats) that these ids follow the row; None if they were not read.

        Args:
            ids: of the tokens.
            known: the number of leading tokens that are given, and not counted.
            ends: whether the end follows them.
        """
        total, at = 0.0, ROOT
        for number, token in enumerate(ids):
            child = self._children.get(at, {}).get(token)
            if child is None or not self.cache.knows(at):
                return None
            place = self.ends.index(token)
            if number >= known:
                total += _log(float(self.probabilities(at)[0][place]) if place >= 0 else 0.0)
            at = child
        if not self.cache.knows(at):
            return None
        return total + _log(self.probabilities(at)[1]) if ends else total


def _log(probability: float) -> float:
    return float(torch.log(torch.tensor(max(probability, _LEAST))))


def _pruned(drafts: Sequence[Sequence[int]], room: int) -> list[tuple[int, ...]]:
    """Return drafts in order, truncated so that their distinct tokens fit a forward pass."""
    kept, nodes = list[tuple[int, ...]](), set[tuple[int, ...]]()
    for draft in drafts:
        cut = tuple(draft)
        while cut and len(nodes | {cut[: n + 1] for n in range(len(cut))}) > room:
            cut = cut[:-1]
        if cut:
            nodes |= {cut[: n + 1] for n in range(len(cut))}
            kept.append(cut)
    return kept
