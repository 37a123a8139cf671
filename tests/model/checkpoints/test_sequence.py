"""The denoiser of token rows: caching, batching and shadow logits change no logits."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.files.id_map import IdMap, Ids, on_canvas
from infill_model.transformer.sequence import CacheMode, SequenceDenoiser
from infill_model.transformer.transformer import Experts, Transformer, TransformerShape
from infill_model.vocabulary import DEL, LINE, MASK, MIDDLE, RESERVED

IDS = Ids(mask=60, end=61, never=(62, 63))
SIZES: dict[str, Any] = {
    "vocabulary": 64, "width": 16, "layers": 2, "heads": 4, "kv_heads": 2, "head_width": 8, "rotary_width": 8,
    "mlp_width": 24, "theta": 1e4, "eps": 1e-6,
}  # fmt: skip
EXPERTS = Experts(4, 2, 2, 1, 12, 1, 2.5, True, 1)
KINDS = {
    "both ways": (TransformerShape(**SIZES, qkv_bias=True), False, None),
    "both ways, shifted": (TransformerShape(**SIZES, tied=True), True, None),
    "blocks": (TransformerShape(**SIZES, qk_norm=True), False, 4),
    "blocks, shifted": (TransformerShape(**SIZES), True, 4),
    "blocks of experts": (TransformerShape(**{**SIZES, "rotary_width": 4}, experts=EXPERTS), False, 4),
}
TOKENS = st.lists(st.integers(0, 59), max_size=11)


def made(kind: str) -> SequenceDenoiser:
    shape, shifted, block = KINDS[kind]
    torch.manual_seed(1)
    network = Transformer(shape)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return SequenceDenoiser(network.requires_grad_(False), IdMap(IDS), shifted=shifted, block=block, breaks=[26, 27])


def context(left: Sequence[int], right: Sequence[int], *, line: bool = False) -> list[int]:
    return [*on_canvas(left), MIDDLE, *on_canvas(right), *([LINE] if line else [])]


def asked(denoiser: SequenceDenoiser, contexts: Sequence[Sequence[int]], canvas: Canvas) -> Tensor:
    return denoiser.logits(denoiser.encode(contexts), canvas, ~canvas.pinned)


def close(a: Tensor, b: Tensor) -> bool:
    return bool((a.exp() - b.exp()).abs().max() < 1e-3) and torch.equal(a.isinf(), b.isinf())


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(st.tuples(TOKENS, TOKENS, st.integers(1, 5)), min_size=2, max_size=3))
def test_a_row_is_the_same_alone_and_in_a_batch_and_after_others(
    kind: str, rows: list[tuple[list[int], list[int], int]]
) -> None:
    kept, contexts = made(kind), [context(left, right) for left, right, _ in rows]
    pieces = [[Piece([MASK] * masks, False)] for _, _, masks in rows]
    together = kept.logits(kept.encode(contexts), (canvas := Canvas.of(pieces)), canvas.masked)
    alone = [asked(made(kind), [one], Canvas.of([piece])) for one, piece in zip(contexts, pieces, strict=True)]
    assert close(together, torch.cat(alone))


@pytest.mark.parametrize("kind", ["blocks", "blocks, shifted"])
def test_whole_blocks_are_not_run_again(kind: str) -> None:
    denoiser, runs = made(kind), []
    forward = denoiser.network.forward

    def counted(ids: Tensor, *rest: Any) -> Any:
        runs.append(ids.shape[1])
        return forward(ids, *rest)

    denoiser.network.forward = counted  # type: ignore[method-assign]
    left = list(range(13))
    denoiser.encode([context(left, [])])
    denoiser.encode([context([*left, 20], [])])
    denoiser.encode([context([*left[:9], 30, 31, 32], [])])
    denoiser.encode([context(left[:8], [])])
    assert runs == [12, 4]  # Three whole blocks, nothing, the third again, nothing.


@pytest.mark.parametrize("kind", KINDS)
def test_a_shadow_is_what_a_mask_at_its_place_would_get(kind: str) -> None:
    denoiser = made(kind)
    known = denoiser.encode([context([1, 2, 3, 4, 5], [6, 7]), context([8], [])])
    rows = [[Piece([MASK, 20 + RESERVED, 21 + RESERVED], False)], [Piece([22 + RESERVED, MASK], False)]]
    canvas = Canvas.of(rows)
    plain, shadow = denoiser.logits_with_shadow(known, canvas, canvas.masked, canvas.committed)
    assert close(plain, denoiser.logits(known, canvas, canvas.masked))
    for number, (row, column) in enumerate(canvas.committed.nonzero().tolist()):
        one = torch.zeros_like(canvas.pinned)
        one[row, column] = True
        assert close(shadow[number : number + 1], denoiser.logits(known, canvas.remask(one), one))


def test_no_later_block_is_seen() -> None:
    denoiser = made("blocks")
    canvas = Canvas.of([[Piece([MASK] * 3, False)]])
    one, other = (asked(denoiser, [context([1, 2, 3, 4, 5], it)], canvas) for it in ([7, 8, 9], [10, 11]))
    assert close(one, other)
    assert not close(one, asked(denoiser, [context([1, 2, 3, 4, 6], [7])], canvas))


def test_what_is_special_cannot_be_predicted_and_an_end_is_a_deletion() -> None:
    denoiser = made("both ways")
    canvas = Canvas.of([[Piece([MASK] * 3, False)]])
    around = denoiser.encode([context([1, 2], [3])])
    out = denoiser.logits(around, canvas, canvas.masked)
    raw = denoiser.network.logits(denoiser.network(torch.tensor([[1, 2, 60, 60, 60, 3]]), torch.arange(6)[None])[0])
    assert torch.allclose(out[:, DEL], raw[0, 2:5, 61])
    assert out[:, [i for i in range(RESERVED) if i != DEL]].isinf().all()
    assert out[:, RESERVED + 60 :].isinf().all()
    assert out[:, RESERVED : RESERVED + 60].isfinite().all()


def test_a_line_gets_no_break_and_what_is_forbidden_is_not_written() -> None:
    denoiser = made("both ways")
    canvas = Canvas.of([[Piece([MASK], False)], [Piece([MASK], False)]])
    around = denoiser.encode([context([1], [2], line=True), context([1], [2])])
    out = denoiser.logits(around, canvas, canvas.masked)
    assert out[0, [26, 27]].isinf().all()
    assert out[1, [26, 27]].isfinite().all()
    told = type(around)(around.rows, forbidden=(30,))
    assert denoiser.logits(told, canvas, canvas.masked)[:, 30].isinf().all()


@pytest.mark.parametrize("kind", ["both ways", "both ways, shifted"])
@pytest.mark.parametrize("reuse", [CacheMode.PREFIX, CacheMode.DUAL])
def test_what_is_reused_is_right_while_the_canvas_is_as_it_was(kind: str, reuse: CacheMode) -> None:
    fresh, saving = made(kind), made(kind)
    saving.reuse = reuse
    for left in ([], [1, 2, 3]):
        contexts = [context(left, [4, 5])] * 2
        canvas = Canvas.of([[Piece([MASK] * 2, False)], [Piece([MASK] * 4, False)]])
        known = saving.encode(contexts)
        first, again = (saving.logits(known, canvas, canvas.masked) for _ in range(2))
        assert close(first, asked(fresh, contexts, canvas))
        assert close(first, again)


def test_nothing_is_reused_between_rows_with_unlike_surroundings() -> None:
    denoiser = made("both ways")
    denoiser.reuse = CacheMode.DUAL
    known = denoiser.encode([context([1], [2]), context([1, 3], [2])])
    canvas = Canvas.of([[Piece([MASK] * 2, False)]] * 2)
    denoiser.logits(known, canvas, canvas.masked)
    assert not known.first


@pytest.mark.parametrize("kind", KINDS)
def test_asked_for_nothing_it_says_nothing(kind: str) -> None:
    denoiser = made(kind)
    canvas = Canvas.of([[Piece([MASK] * 2, False)]])
    assert denoiser.logits(denoiser.encode([context([1], [])]), canvas, canvas.pinned).shape == (0, RESERVED + 64)
