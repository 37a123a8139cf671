import torch
from hypothesis import given
from hypothesis import strategies as st

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.vocabulary import DEL, MASK, PAD


def hole_ids(canvas: Canvas, row: int, hole: int) -> list[int]:
    """Return the current ids in one hole, without masks and deletions."""
    return [it for it in canvas.ids[row][canvas.hole[row] == hole].tolist() if it not in (MASK, DEL)]


def mixed() -> Canvas:
    """Return a hole, a pinned stretch and a second hole with a draft; also a shorter row that ends with a pin."""
    return Canvas.of(
        [
            [Piece([MASK, MASK], False), Piece([30, 31], True), Piece([MASK, 40, DEL], False)],
            [Piece([MASK], False), Piece([32], True)],
        ]
    )


def test_pieces_are_laid_out_left_to_right_and_short_rows_are_padded() -> None:
    canvas = mixed()
    assert canvas.ids.tolist() == [[MASK, MASK, 30, 31, MASK, 40, DEL], [MASK, 32, PAD, PAD, PAD, PAD, PAD]]
    assert canvas.hole.tolist() == [[0, 0, -1, -1, 1, 1, 1], [0, -1, -1, -1, -1, -1, -1]]
    assert torch.equal(canvas.pinned, canvas.hole < 0)


def test_each_position_is_pinned_masked_or_committed() -> None:
    canvas = mixed()
    assert canvas.masked.nonzero().tolist() == [[0, 0], [0, 1], [0, 4], [1, 0]]
    assert canvas.committed.nonzero().tolist() == [[0, 5], [0, 6]]
    assert torch.equal(canvas.pinned.int() + canvas.masked.int() + canvas.committed.int(), torch.ones(2, 7).int())


def test_a_row_is_complete_without_masks() -> None:
    canvas = mixed()
    assert canvas.complete.tolist() == [False, False]
    first = torch.tensor([[True], [False]]).expand(2, 7)
    assert canvas.write(first, torch.full((2, 7), 50)).complete.tolist() == [True, False]


def test_writing_gives_a_new_canvas() -> None:
    canvas = mixed()
    written = canvas.write(torch.ones(2, 7, dtype=torch.bool), torch.full((2, 7), 50))
    assert written.ids.tolist() == [[50, 50, 30, 31, 50, 50, 50], [50, 32, PAD, PAD, PAD, PAD, PAD]]
    assert canvas.ids.tolist() == mixed().ids.tolist()


def test_remasking_undoes_writing_in_holes_alone() -> None:
    everywhere = torch.ones(2, 7, dtype=torch.bool)
    canvas = mixed().remask(everywhere)
    assert canvas.ids.tolist() == [[MASK, MASK, 30, 31, MASK, MASK, MASK], [MASK, 32, PAD, PAD, PAD, PAD, PAD]]


def test_the_ids_of_a_hole_are_what_is_left_of_it() -> None:
    canvas = mixed()
    assert hole_ids(canvas, 0, 0) == []
    assert hole_ids(canvas, 0, 1) == [40]
    first = torch.zeros(2, 7, dtype=torch.bool)
    first[0, 1] = True
    assert hole_ids(canvas.write(first, torch.full((2, 7), 50)), 0, 0) == [50]


pieces = st.lists(
    st.builds(Piece, ids=st.lists(st.integers(16, 60), min_size=1, max_size=4), pinned=st.booleans()),
    min_size=1,
    max_size=5,
)


@given(st.lists(pieces, min_size=1, max_size=3), st.integers(0, 2**30))
def test_pinned_positions_never_change(rows: list[list[Piece]], seed: int) -> None:
    canvas = Canvas.of(rows)
    generator = torch.Generator().manual_seed(seed)
    where = torch.rand(canvas.ids.shape, generator=generator) < 0.5
    ids = torch.randint(16, 60, canvas.ids.shape, generator=generator)
    changed = canvas.write(where, ids).remask(~where)
    assert torch.equal(changed.ids[canvas.pinned], canvas.ids[canvas.pinned])
    assert torch.equal(changed.ids[~canvas.pinned], torch.where(where, ids, MASK)[~canvas.pinned])
    for row, given_pieces in enumerate(rows):
        laid_out = [i for piece in given_pieces for i in piece.ids]
        assert canvas.ids[row].tolist() == laid_out + [PAD] * (canvas.ids.shape[1] - len(laid_out))
