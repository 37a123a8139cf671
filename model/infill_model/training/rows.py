"""Turn a file into one training row: its clean context once, and many noised views of gaps in it.

A row is the encoder's tokens [start of another file][lines below][lines above, up to the last gap][autoregressive
tail], the first and the last of them where there is room, and K canvases. Every gap of the row ends on the same line,
so all gaps share the encoder's tokens; a gap that starts earlier sees fewer of them. The rest of the gap's line is
pinned in the canvas, usually followed by a mark that no line ends in the gap. Each gap is seen in pairs of views: fully
masked and partly masked, or two complementary masks (Fast-dLLM v2, LLaDA2.0). Some tokens left visible are wrong, so
that the denoiser learns to overwrite. Positions after the gap's text hold `<del>`.

Shapes: B rows, T context, K canvases per row, C canvas positions, N next-token targets, M canvas targets per row.
"""

import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from infill_model.training.spans import Excerpt, Span, excerpt, sample_spans
from infill_model.vocabulary import (
    ABOVE,
    BELOW,
    BOS,
    DEL,
    END,
    FILE,
    LINE,
    MASK,
    MIDDLE,
    PAD,
    RESERVED,
    REST,
    Vocabulary,
)

Ids = NDArray[np.int64]
Flags = NDArray[np.bool_]
Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class RowShape:
    """The fixed sizes of a batch, so that a compiled network sees few shapes."""

    context: int
    canvases: int
    canvas: int
    next_token_targets: int
    canvas_targets: int


@dataclass(frozen=True, slots=True)
class RowNoise:
    """The settings of the noise in gaps; the shares are of views, of visible tokens, or of gaps.

    `told_line`: share of the gaps without a line break whose canvas says so. `kept_surplus`: share of the surplus
    positions after the first two of a view that have a loss, scaled up to count for the omitted ones. `most_weight`:
    upper bound on the weight of a mask in a view with few masks. `uniform`: share of the noised tokens that become any
    token of the vocabulary instead of a mask (D3PM, arXiv 2107.03006).
    """

    full_pair: float = 0.5
    wrong_views: float = 0.3
    wrong_tokens: float = 0.15
    pinned_views: float = 0.15
    visible_weight: float = 0.1
    long_gaps: float = 0.4
    told_line: float = 0.8
    kept_surplus: float = 1 / 3
    most_weight: float = 2.0
    uniform: float = 0.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrays of B rows; the module docstring defines the shape letters.

    Attributes:
        context: (B, T) encoder tokens.
        next_token_at: (B, N) positions in T whose next token is a target.
        next_token: (B, N) those tokens.
        next_token_weight: (B, N); 0 on padding.
        visible: (B, K) number of context tokens that each canvas sees.
        ids: (B, K, C) noised canvases.
        pinned: (B, K, C).
        valid: (B, K, C); false on padding.
        target: (B, K, C) the clean canvases.
        target_at: (B, M) positions in K * C that have a loss.
        target_weight: (B, M); 0 on padding.
    """

    context: Ids
    next_token_at: Ids
    next_token: Ids
    next_token_weight: Weights
    visible: Ids
    ids: Ids
    pinned: Flags
    valid: Flags
    target: Ids
    target_at: Ids
    target_weight: Weights

    @classmethod
    def blank(cls, shape: RowShape) -> "Batch":
        """Return one row (no B) without targets."""
        t, k, c, n, m = (
            shape.context,
            shape.canvases,
            shape.canvas,
            shape.next_token_targets,
            shape.canvas_targets,
        )
        valid = np.zeros((k, c), dtype=np.bool_)
        valid[:, 0] = True  # Attention over nothing would be undefined.
        return cls(
            context=np.full(t, PAD, dtype=np.int64),
            next_token_at=np.zeros(n, dtype=np.int64),
            next_token=np.zeros(n, dtype=np.int64),
            next_token_weight=np.zeros(n, dtype=np.float32),
            visible=np.zeros(k, dtype=np.int64),
            ids=np.full((k, c), PAD, dtype=np.int64),
            pinned=np.zeros((k, c), dtype=np.bool_),
            valid=valid,
            target=np.full((k, c), PAD, dtype=np.int64),
            target_at=np.zeros(m, dtype=np.int64),
            target_weight=np.zeros(m, dtype=np.float32),
        )

    @classmethod
    def stack(cls, rows: Sequence["Batch"]) -> "Batch":
        """Stack rows without B into one batch."""
        return cls(*(np.stack([getattr(row, it.name) for row in rows]) for it in fields(cls)))


@dataclass(frozen=True, slots=True)
class _Gap:
    """A gap in tokens: the content of its canvas, and the number of context tokens it sees."""

    visible: int
    tokens: list[int]
    tail: list[int]
    frozen: list[bool]


class RowBuilder:
    """Makes training rows of one shape; all randomness comes from the generator passed in."""

    def __init__(self, vocabulary: Vocabulary, shape: RowShape, noise: RowNoise) -> None:
        self.vocabulary, self.shape, self.noise = vocabulary, shape, noise

    def batch(self, texts: Sequence[tuple[str, str]], rng: random.Random) -> Batch:
        """Build one row for each (text, language); one without a usable line gives an empty row."""
        sources = [excerpt(text, language, rng) for text, language in texts]
        others = [text for text, _ in [*texts[1:], *texts[:1]]] if len(texts) > 1 else [""]
        rows = zip(sources, others, strict=True)
        return Batch.stack([self._row(it, other, rng) if it else Batch.blank(self.shape) for it, other in rows])

    def _row(self, source: Excerpt, other: str, rng: random.Random) -> "Batch":
        row = Batch.blank(self.shape)
        gaps, context, targets_from, free_from = self._layout(source, other, rng)
        row.context[: len(context)] = context
        self._next_token_targets(row, context, targets_from, free_from, rng)
        self._views(row, gaps, rng)
        return row

    def _layout(self, source: Excerpt, other: str, rng: random.Random) -> tuple[list[_Gap], list[int], int, int]:
        """Return gaps and encoder tokens of an excerpt; the last-starting gap also gives the autoregressive tail."""
        shape = self.shape
        spans = sample_spans(source, 3 if shape.canvases >= 6 else 2, rng, long_gaps=self.noise.long_gaps)
        spans.sort(key=lambda it: it.start, reverse=True)
        main = spans[0]
        text, encode = source.text, self.vocabulary.encode
        middle = encode(text[main.start : main.end])[: shape.canvas]
        tail = self._tail(source, main, [text[main.start : main.end]], rng)
        ending = [REST, *tail, MIDDLE, *middle, END]
        room_below = shape.context // 3 if rng.random() < 0.8 else rng.randrange(shape.context // 3)
        below = encode(text[source.line_end :])[:room_below]
        above = encode(text[: main.start])
        # Drawn for every row, not what the gap leaves over: the amount of code would reveal the gap's length.
        most = rng.randint(shape.context // 2, shape.context)
        dropped = max(0, len(above) - (most - len(below) - 3))
        above_kept = above[dropped:]
        before = self._other_file(other, shape.context - most - shape.context // 6, rng)
        head = [*before, BELOW, *below, ABOVE, *([BOS] if source.at_start and not dropped else [])]
        room_for_ending = shape.context - len(head) - len(above_kept)
        if room_for_ending < len(tail) + 3:
            ending = []
        context = [*head, *above_kept, *ending[:room_for_ending]]
        gaps = [self._gap(source, main, len(head) + len(above_kept), rng)]
        starts = list(accumulate((len(piece) for piece in self.vocabulary.pieces(above)), initial=0))
        for span in spans[1:]:
            index = max(dropped, bisect_right(starts, span.start) - 1)  # Snap to the token that starts here or before.
            snapped = Span(starts[index], span.end) if index < len(above) else span
            gaps.append(self._gap(source, snapped, len(head) + min(index, len(above)) - dropped, rng))
        return gaps, context, len(head), len(head) + len(above_kept)

    def _other_file(self, text: str, tokens: int, rng: random.Random) -> list[int]:
        """Return the start of another file, in two of three rows that have room for it."""
        if tokens < 16 or rng.random() < 1 / 3:
            return []
        return [FILE, *self.vocabulary.encode(text[: tokens * 8])[: tokens - 1]]

    def _gap(self, source: Excerpt, span: Span, visible: int, rng: random.Random) -> _Gap:
        text = source.text[span.start : span.end]
        tokens, frozen = self._cut_at_pins(text, rng) if rng.random() < self.noise.pinned_views else ([], [])
        if not tokens:
            tokens = self.vocabulary.encode(text)
            frozen = [False] * len(tokens)
        holes = [piece for piece, pin in zip(self.vocabulary.pieces(tokens), frozen, strict=True) if not pin]
        return _Gap(visible, tokens, self._tail(source, span, holes, rng), frozen)

    def _tail(self, source: Excerpt, span: Span, holes: Sequence[str], rng: random.Random) -> list[int]:
        """Return the rest of the gap's line, usually followed by a mark if no line ends in the holes."""
        rest = self.vocabulary.encode(source.text[span.end : source.line_end])[: self.shape.canvas // 2 - 1]
        one_line = not any("\n" in it for it in holes)
        return [*rest, LINE] if one_line and rng.random() < self.noise.told_line else rest

    def _cut_at_pins(self, text: str, rng: random.Random) -> tuple[list[int], list[bool]]:
        """Tokenise a gap with one or two pinned stretches inside, each by itself; also return the pins."""
        if len(text) < 6:
            return [], []
        cuts = sorted(rng.sample(range(1, len(text)), 2 if len(text) < 16 else rng.choice((2, 4))))
        tokens: list[int] = []
        frozen: list[bool] = []
        for n, (start, end) in enumerate(zip([0, *cuts], [*cuts, len(text)], strict=True)):
            pinned = n % 2 == 1
            piece = self.vocabulary.encode(text[start:end])
            surplus = 0 if pinned or end == len(text) else rng.randint(0, 4)
            tokens += piece + [DEL] * surplus
            frozen += [pinned] * len(piece) + [False] * surplus
        return tokens, frozen

    def _next_token_targets(
        self, row: "Batch", context: list[int], start: int, free_from: int, rng: random.Random
    ) -> None:
        """Choose the positions whose next token is a target: all of the gap, and as many of the plain code as fit."""
        must = list(range(context.index(MIDDLE, free_from), len(context) - 1)) if MIDDLE in context[free_from:] else []
        plain = [i for i in range(start, free_from - 1) if context[i + 1] >= RESERVED]
        plain += [i for i in range(1, start - 2) if context[i + 1] >= RESERVED]
        room = self.shape.next_token_targets - len(must)
        chosen = must[: self.shape.next_token_targets] + rng.sample(plain, max(0, min(room, len(plain))))
        n = len(chosen)
        row.next_token_at[:n] = chosen
        row.next_token[:n] = [context[i + 1] for i in chosen]
        row.next_token_weight[:n] = 1.0

    def _views(self, row: "Batch", gaps: list[_Gap], rng: random.Random) -> None:
        """Fill the K canvases: half of them for the first gap, the others shared by the rest."""
        shape = self.shape
        pairs = shape.canvases // 2
        owners = [gaps[0]] * (pairs - (len(gaps) - 1)) + gaps[1:]
        at: list[tuple[int, float]] = []
        for pair, gap in enumerate(owners):
            clean, frozen = self._clean_canvas(gap, rng)
            for offset, mask in enumerate(self._mask_pair(len(clean), rng)):
                at += self._write_view(row, 2 * pair + offset, gap.visible, clean, frozen, mask, rng)
        self._choose_targets(row, at, rng)

    def _clean_canvas(self, gap: _Gap, rng: random.Random) -> tuple[list[int], list[bool]]:
        """Return a gap's finished canvas (tokens, surplus `<del>`, rest of the line) and its pinned positions."""
        room = self.shape.canvas - len(gap.tail)
        tokens, frozen = gap.tokens[:room], gap.frozen[:room]
        surplus = room - len(tokens)
        if rng.random() < 0.4:
            surplus = rng.randint(0, surplus)
        tail = gap.tail
        return tokens + [DEL] * surplus + tail, frozen + [False] * surplus + [True] * len(tail)

    def _mask_pair(self, length: int, rng: random.Random) -> tuple[list[bool], list[bool]]:
        if rng.random() < self.noise.full_pair:
            rate = rng.random()
            return [True] * length, [rng.random() < rate for _ in range(length)]
        rate = rng.uniform(0.15, 0.85)
        mask = [rng.random() < rate for _ in range(length)]
        return mask, [not it for it in mask]

    def _write_view(
        self,
        row: "Batch",
        k: int,
        visible: int,
        clean: list[int],
        frozen: list[bool],
        mask: list[bool],
        rng: random.Random,
    ) -> list[tuple[int, float]]:
        """Write canvas k and return (position in K * C, weight) of the positions that may have a loss."""
        free = [i for i, pinned in enumerate(frozen) if not pinned]
        if not any(mask[i] for i in free) and free:
            mask = list(mask)
            mask[rng.choice(free)] = True
        masked = sum(mask[i] for i in free)
        weight = min(self.noise.most_weight, max(1, len(free)) / max(1, masked))  # 1/t of the diffusion bound.
        noisy = [self._noised(rng) if m and not p else i for i, m, p in zip(clean, mask, frozen, strict=True)]
        spoil = self.noise.wrong_tokens if rng.random() < self.noise.wrong_views else 0.0
        positions = []
        seen_deletions = 0
        for i in free:
            wrong = not mask[i] and rng.random() < spoil
            if wrong:
                noisy[i] = self._wrong_token(clean, rng)
            share = weight if mask[i] or wrong else self.noise.visible_weight
            if clean[i] == DEL:  # Surplus positions all teach the same: the first count, then a sample.
                seen_deletions += 1
                if seen_deletions > 2:
                    if rng.random() >= self.noise.kept_surplus:
                        continue
                    share /= self.noise.kept_surplus
            positions.append((k * self.shape.canvas + i, share))
        n = len(clean)
        row.visible[k] = visible
        row.ids[k, :n] = noisy
        row.target[k, :n] = clean
        row.pinned[k, :n] = frozen
        row.valid[k, :n] = True
        return positions

    def _noised(self, rng: random.Random) -> int:
        """Return a mask or, in the share `RowNoise.uniform`, any token that a canvas may hold."""
        if not self.noise.uniform or rng.random() >= self.noise.uniform:
            return MASK
        drawn = rng.randrange(RESERVED - 1, self.vocabulary.size)
        return drawn if drawn >= RESERVED else DEL

    def _wrong_token(self, clean: list[int], rng: random.Random) -> int:
        """Return a token of the same canvas half the time, as a wrong denoiser often repeats one; else any."""
        near = rng.choice(clean)
        return near if rng.random() < 0.5 else rng.randrange(RESERVED, self.vocabulary.size)

    def _choose_targets(self, row: "Batch", at: list[tuple[int, float]], rng: random.Random) -> None:
        """Keep M positions, preferring those of masked and wrong tokens."""
        rng.shuffle(at)
        at.sort(key=lambda it: it[1] < 1)
        kept = at[: self.shape.canvas_targets]
        row.target_at[: len(kept)] = [position for position, _ in kept]
        row.target_weight[: len(kept)] = [weight for _, weight in kept]
