"""A checkpoint as a denoiser: one row of tokens, of which a stretch in the middle is the canvas.

A context is [left, `MIDDLE`, right]: the canvas takes the place of the mark; with `LINE` at its end no line break is
written. Masks may stand in the right part, too: those of later blocks. Where blocks see only themselves and earlier
ones, the keys and values of the left's whole blocks are kept, which is exact. Where all positions see all, nothing is
kept unless `CacheMode` says so: then what the first forward of a context made of the code around its canvas stands for
what the later ones would make (Fast-dLLM, arXiv 2505.22618), which is an approximation.

It knows tokens, not text, and nothing of policies.

Shapes: B fills, C canvas positions, n of a row, P of them cached, N asked for, V vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.files.id_map import IdMap
from infill_model.transformer.static_shapes import StaticShapes
from infill_model.transformer.transformer import Backbone, KeysValues
from infill_model.vocabulary import LINE, MIDDLE, PAD, RESERVED


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """What is kept of the whole blocks that a row begins with.

    Attributes:
        ids: (P,) the checkpoint's ids.
        states: (P, D), normed.
        keys_values: per layer.
    """

    ids: Tensor
    states: Tensor
    keys_values: tuple[KeysValues, ...]


@dataclass(frozen=True, slots=True)
class CanvasRow:
    """What stands around one canvas, in the checkpoint's ids.

    Attributes:
        left: (n,) before the canvas.
        right: (n,) behind it.
        line: whether no line break may be written.
        kept: of the left's whole blocks; None if nothing is.
    """

    left: Tensor
    right: Tensor
    line: bool
    kept: PrefixCache | None


@dataclass(frozen=True, slots=True)
class FirstForward:
    """What the first forward of a context made of the code around its canvases, all of them with as much around.

    Attributes:
        before: (B, D) states at the last position before the canvas; None if nothing is there.
        keys_values: per layer, of the left, and with `CacheMode.DUAL` of the right as well.
    """

    before: Tensor | None
    keys_values: list[KeysValues]


@dataclass(frozen=True, slots=True)
class SequenceContext:
    """What stands around the canvases of a batch.

    Attributes:
        rows: one for each fill.
        forbidden: canvas ids that may not be predicted now.
        first: what the first forward left for later ones; empty before it, and where nothing is reused.
    """

    rows: tuple[CanvasRow, ...]
    forbidden: tuple[int, ...] = ()
    first: list[FirstForward] = field(default_factory=list)

    @property
    def batch(self) -> int:
        """How many fills this context serves."""
        return len(self.rows)


class CacheMode(Enum):
    """What is taken from a context's first forward, where all positions see all."""

    NONE = "none"
    PREFIX = "prefix"
    DUAL = "dual"


_CanvasPosition: TypeAlias = tuple[int, int]
"""A row, and a column of its canvas."""


class SequenceDenoiser:
    """`protocol.Denoiser` over a `Backbone`; not for several threads at once."""

    def __init__(
        self,
        network: Backbone,
        id_map: IdMap,
        *,
        shifted: bool,
        block: int | None,
        breaks: Sequence[int] = (),
        reuse: CacheMode = CacheMode.NONE,
    ) -> None:
        """Set up.

        Args:
            network: of the checkpoint.
            id_map: between its ids and the canvas's.
            shifted: whether the output at a position predicts the next one.
            block: width of a block where each sees itself and earlier ones only; None where all see all.
            breaks: canvas ids of the tokens with a line break.
            reuse: what later forwards of a context take from its first.
        """
        self.network, self.id_map, self.shifted, self.block, self.reuse = network, id_map, shifted, block, reuse
        self.static: StaticShapes | None = None
        """Runs forwards over whole rows, where all see all, in a few shapes; None where they are run as they come."""
        self._breaks = torch.tensor(breaks, dtype=torch.int64, device=network.device)
        self._kept: PrefixCache | None = None

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.device

    @property
    def size(self) -> int:
        """How many ids the checkpoint's weights know."""
        return self.network.vocabulary

    def move(self) -> None:
        """Put what goes with the network where the network has been moved."""
        self.id_map, self._breaks = IdMap(self.id_map.ids, self.device), self._breaks.to(self.device)

    @torch.no_grad()
    def encode(self, contexts: Sequence[Sequence[int]]) -> SequenceContext:
        """Take contexts apart; encode the whole blocks they begin with, as far as an earlier call did not."""
        return SequenceContext(tuple(self._row(it) for it in contexts))

    def _row(self, ids: Sequence[int]) -> CanvasRow:
        left, right, line = row_of(self.id_map, ids)
        return CanvasRow(left, right, line, None if self.block is None else self._encoded(left, self.block))

    def _encoded(self, left: Tensor, block: int) -> PrefixCache | None:
        """Keys and values of the whole blocks of `left`; those equal to the ones kept before are not run again."""
        ids = left[: len(left) // block * block]
        if not len(ids):
            return None
        old = self._kept
        same = 0 if old is None else _common(old.ids, ids) // block * block
        if old is None or same < len(ids):
            past = [(k[:, :, :same], v[:, :, :same]) for k, v in old.keys_values] if old and same else None
            positions = torch.arange(same, len(ids), device=self.device)
            attention_mask = _block_causal(positions, len(ids), block)
            states, keys_values = self.network(ids[same:].unsqueeze(0), positions.unsqueeze(0), attention_mask, past)
            before = old.states[:same] if old else states[0, :0]
            self._kept = PrefixCache(ids, torch.cat([before, states[0]]), tuple(keys_values))
            return self._kept
        cut = tuple((k[:, :, :same], v[:, :, :same]) for k, v in old.keys_values)
        return PrefixCache(ids, old.states[:same], cut)

    @torch.no_grad()
    def logits(self, context: SequenceContext, canvas: Canvas, where: Tensor) -> Tensor:
        """(N, RESERVED + V) float32 at the positions `where` (B, C) is true."""
        lengths = (canvas.ids != PAD).sum(1).tolist()
        ids = self.id_map.inward(canvas.ids)
        own = [ids[n, :length] for n, length in enumerate(lengths)]
        asked: list[_CanvasPosition] = [(row, column) for row, column in where.nonzero().tolist()]
        if not asked:
            return torch.empty(0, RESERVED + self.size, device=self.device)
        if context.first:
            states = self._on_top(own, context, asked)
        else:
            whole = [torch.cat([row.left, it, row.right]) for it, row in zip(own, context.rows, strict=True)]
            states = (self._all_at_once if self.block is None else self._each)(whole, context, asked)
        out = self.id_map.outward(self.network.logits(states))
        forbidden = forbidden_at(context, where, out.shape[1], self._breaks)
        return out if forbidden is None else out.masked_fill_(forbidden, -torch.inf)

    def _source(self, context: SequenceContext, spot: _CanvasPosition) -> int:
        """The place in its row whose output predicts a canvas position; nothing stands before a row's first."""
        row, column = spot
        return max(len(context.rows[row].left) + column - self.shifted, 0)

    def _all_at_once(
        self, whole: Sequence[Tensor], context: SequenceContext, asked: Sequence[_CanvasPosition]
    ) -> Tensor:
        """(N, D) states where all positions see all: one forward, shorter rows padded and the padding unseen."""
        ids, real = padded(whole)
        found = self.static(ids, real) if self.static else None
        if found is None:
            positions = torch.arange(ids.shape[1], device=self.device).unsqueeze(0)
            attention_mask = None if bool(real.all()) else real.unsqueeze(1).expand(-1, ids.shape[1], -1)
            found = self.network(ids, positions, attention_mask)
        states, keys_values = found
        self._remember(whole, context, states, keys_values)
        rows = [row for row, _ in asked]
        picked: Tensor = states[rows, [self._source(context, it) for it in asked]]
        return picked

    def _remember(
        self, whole: Sequence[Tensor], context: SequenceContext, states: Tensor, keys_values: Sequence[KeysValues]
    ) -> None:
        """Keep what later forwards may take over; nothing where rows have unlike much around their canvases."""
        sizes = {(len(row.left), len(row.right)) for row in context.rows}
        if self.reuse is CacheMode.NONE or len(sizes) > 1:
            return
        ((left, right),) = sizes
        taken = torch.arange(left, device=self.device).expand(len(whole), -1)
        if self.reuse is CacheMode.DUAL:
            ends = torch.tensor([len(it) for it in whole], device=self.device).unsqueeze(1)
            taken = torch.cat([taken, ends - right + torch.arange(right, device=self.device)], dim=1)
        index = taken[:, None, :, None]
        picked = [
            (
                k.gather(2, index.expand(-1, k.shape[1], -1, k.shape[3])),
                v.gather(2, index.expand(-1, v.shape[1], -1, v.shape[3])),
            )
            for k, v in keys_values
        ]
        context.first.append(FirstForward(states[:, left - 1].clone() if left else None, picked))

    def _on_top(self, own: Sequence[Tensor], context: SequenceContext, asked: Sequence[_CanvasPosition]) -> Tensor:
        """(N, D) states of the canvases, and with `CacheMode.PREFIX` of the right, on the first forward's rest."""
        (first,) = context.first
        left = len(context.rows[0].left)
        if self.reuse is CacheMode.PREFIX:
            own = [torch.cat([it, row.right]) for it, row in zip(own, context.rows, strict=True)]
        ids, real = padded(own)
        positions = left + torch.arange(ids.shape[1], device=self.device).unsqueeze(0)
        past = first.keys_values[0][0].shape[2]
        every = torch.cat([real.new_ones(len(own), past), real], dim=1)
        attention_mask = None if bool(real.all()) else every.unsqueeze(1).expand(-1, ids.shape[1], -1)
        states, _ = self.network(ids, positions, attention_mask, first.keys_values)
        if first.before is not None:
            states, left = torch.cat([first.before.unsqueeze(1), states], dim=1), left - 1
        rows = [row for row, _ in asked]
        picked: Tensor = states[rows, [self._source(context, it) - left for it in asked]]
        return picked

    def _each(self, whole: Sequence[Tensor], context: SequenceContext, asked: Sequence[_CanvasPosition]) -> Tensor:
        """(N, D) states where blocks see earlier ones only, on top of what is kept of each row.

        Rows as long as each other, with as much kept, go in one forward: candidates for the same gap all are.
        """
        with_masks = {row for row, _ in asked}
        sizes = [
            (0 if row.kept is None else len(row.kept.ids), len(it)) for it, row in zip(whole, context.rows, strict=True)
        ]
        found: dict[_CanvasPosition, Tensor] = {}
        for size in dict.fromkeys(sizes[row] for row, _ in asked):
            group = [row for row, it in enumerate(sizes) if it == size and row in with_masks]
            states = self._together([whole[row] for row in group], [context.rows[row].kept for row in group], size)
            offset = max(size[0] - 1, 0)
            for row, own in zip(group, states, strict=True):
                found |= {it: own[self._source(context, it) - offset] for it in asked if it[0] == row}
        return torch.stack([found[it] for it in asked])

    def _together(self, whole: Sequence[Tensor], kept: Sequence[PrefixCache | None], size: tuple[int, int]) -> Tensor:
        """(B, n, D) states of rows from the last kept position on; `size` is how much is kept and how long they are."""
        start, end = size
        positions = torch.arange(start, end, device=self.device)
        attention_mask = None if self.block is None else _block_causal(positions, end, self.block)
        old = [it for it in kept if it is not None]
        past = [
            (torch.cat([it.keys_values[n][0] for it in old]), torch.cat([it.keys_values[n][1] for it in old]))
            for n in range(len(old[0].keys_values) if old else 0)
        ]
        ids = torch.stack([it[start:] for it in whole])
        states, _ = self.network(ids, positions.unsqueeze(0), attention_mask, past or None)
        return torch.cat([torch.stack([it.states[-1:] for it in old]), states], dim=1) if old else states

    @torch.no_grad()
    def logits_with_shadow(
        self, context: SequenceContext, canvas: Canvas, where: Tensor, shadows: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits, and those of each position as if it alone were masked.

        Each shadow is a row of its own, for what the other positions make of a token must not tell it: exact, at the
        price of a forward as wide as there are shadows.
        """
        plain = self.logits(context, canvas, where)
        rows, masked, alone = shadow_rows(canvas, shadows)
        if not rows:
            return plain, plain[:0]
        around = SequenceContext(tuple(context.rows[row] for row in rows), context.forbidden)
        return plain, self.logits(around, masked, alone)


def row_of(id_map: IdMap, ids: Sequence[int]) -> tuple[Tensor, Tensor, bool]:
    """A context taken apart: what stands left of the canvas, what right of it, and whether no line break is written."""
    line = bool(ids) and ids[-1] == LINE
    plain = ids[:-1] if line else ids
    middle = plain.index(MIDDLE) if MIDDLE in plain else len(plain)
    return id_map.row(plain[:middle]), id_map.row(plain[middle + 1 :]), line


def shadow_rows(canvas: Canvas, shadows: Tensor) -> tuple[list[int], Canvas, Tensor]:
    """For each position `shadows` (B, C) is true a canvas with it masked: their rows, the canvases, the positions."""
    rows, columns = shadows.nonzero(as_tuple=True)
    alone = torch.zeros_like(shadows[rows])
    alone[torch.arange(len(rows), device=alone.device), columns] = True
    return rows.tolist(), Canvas(canvas.ids[rows], canvas.pinned[rows], canvas.hole[rows]).remask(alone), alone


def forbidden_at(context: SequenceContext, where: Tensor, size: int, breaks: Tensor) -> Tensor | None:
    """(N, size) bool: what may not be predicted at the positions `where` (B, C) is true; None if all may be."""
    if not context.forbidden and not any(row.line for row in context.rows):
        return None
    row_of = where.nonzero()[:, 0]
    out = torch.zeros(len(row_of), size, dtype=torch.bool, device=where.device)
    out[:, list(context.forbidden)] = True
    lines = torch.tensor([row.line for row in context.rows], device=where.device)[row_of]
    out[lines.nonzero(), breaks] = True
    return out


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """(B, n) int64 rows of unlike length, and (B, n) bool which of it is not padding."""
    ids = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(it) for it in rows], device=ids.device)
    return ids, torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)


def _block_causal(positions: Tensor, total: int, block: int) -> Tensor | None:
    """(1, n, total) bool: which of all places each of `positions` (n,) sees; None when all see all."""
    every = torch.arange(total, device=positions.device)
    attention_mask = every // block <= (positions // block).unsqueeze(1)
    return None if bool(attention_mask.all()) else attention_mask.unsqueeze(0)


def _common(a: Tensor, b: Tensor) -> int:
    """How many ids two rows have in common at their beginning."""
    n = min(len(a), len(b))
    differ = (a[:n] != b[:n]).nonzero()
    return int(differ[0]) if len(differ) else n
