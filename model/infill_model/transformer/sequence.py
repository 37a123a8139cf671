"""A checkpoint as a denoiser: one row of tokens with a canvas in the middle.

A context is [left, `MIDDLE`, right]: the canvas replaces the mark; with `LINE` at its end no line break is written. The
right part may contain masks too: those of later blocks. If blocks see only themselves and earlier ones, the keys and
values of the left's whole blocks are kept, which is exact. With full attention, nothing is kept unless `CacheMode` says
so: then later forward passes reuse the first pass's keys and values of the code around the canvas (Fast-dLLM, arXiv
2505.22618), which is an approximation.

Must not depend on text or policies.

Shapes: B fills, C canvas positions, n positions of a row, P positions cached, N positions requested, V vocabulary.
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
    """The cached whole blocks at the beginning of a row.

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
    """The surroundings of one canvas, in the checkpoint's ids.

    Attributes:
        left: (n,) before the canvas.
        right: (n,) after it.
        line: whether line breaks are forbidden.
        kept: the cache of the left's whole blocks; None if there is none.
    """

    left: Tensor
    right: Tensor
    line: bool
    kept: PrefixCache | None


@dataclass(frozen=True, slots=True)
class FirstForward:
    """The first forward pass's results for the code around a context's canvases; its length is the same for all.

    Attributes:
        before: (B, D) states at the last position before the canvas; None if nothing is there.
        keys_values: per layer, of the left, and with `CacheMode.DUAL` of the right as well.
    """

    before: Tensor | None
    keys_values: list[KeysValues]


@dataclass(frozen=True, slots=True)
class SequenceContext:
    """The surroundings of the canvases of a batch.

    Attributes:
        rows: one for each fill.
        forbidden: canvas ids that may not be predicted now.
        first: the first forward pass's results for later ones; empty before it, and if nothing is reused.
    """

    rows: tuple[CanvasRow, ...]
    forbidden: tuple[int, ...] = ()
    first: list[FirstForward] = field(default_factory=list)

    @property
    def batch(self) -> int:
        """The number of fills this context serves."""
        return len(self.rows)


class CacheMode(Enum):
    """The part of a context's first forward pass that is reused, under full attention."""

    NONE = "none"
    PREFIX = "prefix"
    DUAL = "dual"


_CanvasPosition: TypeAlias = tuple[int, int]
"""A row, and a column of its canvas."""


class SequenceDenoiser:
    """`Denoiser` over a `Backbone`; not thread-safe."""

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
            id_map: between the checkpoint's ids and the canvas's.
            shifted: whether the output at a position predicts the next one.
            block: the width of a block, if each sees only itself and earlier ones; None for full attention.
            breaks: canvas ids of the tokens with a line break.
            reuse: the part of a context's first forward pass that later ones reuse.
        """
        self.network, self.id_map, self.shifted, self.block, self.reuse = network, id_map, shifted, block, reuse
        self.static: StaticShapes | None = None
        """Runs full-attention forward passes over whole rows in a few shapes; None to run rows in their own shapes."""
        self._breaks = torch.tensor(breaks, dtype=torch.int64, device=network.device)
        self._kept: PrefixCache | None = None

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return self.network.device

    @property
    def size(self) -> int:
        """The number of ids in the checkpoint's weights."""
        return self.network.vocabulary

    def move(self) -> None:
        """Move the accompanying tensors to the network's device."""
        self.id_map, self._breaks = IdMap(self.id_map.ids, self.device), self._breaks.to(self.device)

    @torch.no_grad()
    def encode(self, contexts: Sequence[Sequence[int]]) -> SequenceContext:
        """Split contexts, and encode the whole blocks they begin with, except those cached by an earlier call."""
        return SequenceContext(tuple(self._row(it) for it in contexts))

    def _row(self, ids: Sequence[int]) -> CanvasRow:
        left, right, line = row_of(self.id_map, ids)
        return CanvasRow(left, right, line, None if self.block is None else self._encoded(left, self.block))

    def _encoded(self, left: Tensor, block: int) -> PrefixCache | None:
        """Return keys and values of the whole blocks of `left`; blocks equal to the cached ones are not run again."""
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
        """Return (N, RESERVED + V) float32 at the positions where `where` (B, C) is true."""
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
        """Return the place in its row whose output predicts a canvas position; nothing precedes a row's first."""
        row, column = spot
        return max(len(context.rows[row].left) + column - self.shifted, 0)

    def _all_at_once(
        self, whole: Sequence[Tensor], context: SequenceContext, asked: Sequence[_CanvasPosition]
    ) -> Tensor:
        """Return (N, D) states under full attention: one forward pass, shorter rows padded and the padding masked."""
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
        """Keep the results that later forward passes may reuse; nothing if the rows' surroundings differ in length."""
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
        """Return (N, D) states of the canvases (with `CacheMode.PREFIX` also the right), on the first pass's cache."""
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
        """Return (N, D) states for blocks that see only earlier ones, on top of each row's cache.

        Rows of equal length with equally long caches share a forward pass, as all candidates for the same gap do.
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
        """Return (B, n, D) states of rows from the last cached position on; `size` is their cached and full length."""
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
        """Return the logits, and those of each position as if it alone were masked.

        Each shadow is a row of its own, because the other positions' states must not reveal its token: exact, at the
        price of a forward pass as wide as the number of shadows.
        """
        plain = self.logits(context, canvas, where)
        rows, masked, alone = shadow_rows(canvas, shadows)
        if not rows:
            return plain, plain[:0]
        around = SequenceContext(tuple(context.rows[row] for row in rows), context.forbidden)
        return plain, self.logits(around, masked, alone)


def row_of(id_map: IdMap, ids: Sequence[int]) -> tuple[Tensor, Tensor, bool]:
    """Split a context: the ids left of the canvas, those right of it, and whether line breaks are forbidden."""
    line = bool(ids) and ids[-1] == LINE
    plain = ids[:-1] if line else ids
    middle = plain.index(MIDDLE) if MIDDLE in plain else len(plain)
    return id_map.row(plain[:middle]), id_map.row(plain[middle + 1 :]), line


def shadow_rows(canvas: Canvas, shadows: Tensor) -> tuple[list[int], Canvas, Tensor]:
    """Build a canvas with one position masked for each true position of `shadows` (B, C): rows, canvases, positions."""
    rows, columns = shadows.nonzero(as_tuple=True)
    alone = torch.zeros_like(shadows[rows])
    alone[torch.arange(len(rows), device=alone.device), columns] = True
    return rows.tolist(), Canvas(canvas.ids[rows], canvas.pinned[rows], canvas.hole[rows]).remask(alone), alone


def forbidden_at(context: SequenceContext, where: Tensor, size: int, breaks: Tensor) -> Tensor | None:
    """Return (N, size) bool: ids that may not be predicted at the positions `where` (B, C); None if all may be."""
    if not context.forbidden and not any(row.line for row in context.rows):
        return None
    row_of = where.nonzero()[:, 0]
    out = torch.zeros(len(row_of), size, dtype=torch.bool, device=where.device)
    out[:, list(context.forbidden)] = True
    lines = torch.tensor([row.line for row in context.rows], device=where.device)[row_of]
    out[lines.nonzero(), breaks] = True
    return out


def padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return (B, n) int64, rows of different lengths padded, and (B, n) bool, false for padding."""
    ids = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(it) for it in rows], device=ids.device)
    return ids, torch.arange(ids.shape[1], device=ids.device) < lengths.unsqueeze(1)


def _block_causal(positions: Tensor, total: int, block: int) -> Tensor | None:
    """Return (1, n, total) bool: the places that each of `positions` (n,) sees; None if each sees all."""
    every = torch.arange(total, device=positions.device)
    attention_mask = every // block <= (positions // block).unsqueeze(1)
    return None if bool(attention_mask.all()) else attention_mask.unsqueeze(0)


def _common(a: Tensor, b: Tensor) -> int:
    """Return the length of the common prefix of two rows."""
    n = min(len(a), len(b))
    differ = (a[:n] != b[:n]).nonzero()
    return int(differ[0]) if len(differ) else n
