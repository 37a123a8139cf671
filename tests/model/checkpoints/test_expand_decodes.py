"""DreamOn's decodes: the canvas grows and shrinks between steps of the shared loop, as in the family's generator."""

from functools import cache

import pytest
from parity import Reference, needs_parity

from infill_model.checkpoints.drive import FillRun, expand, resize
from infill_model.denoising.canvas import Piece
from infill_model.denoising.stop import Limits
from infill_model.files.id_map import IdMap, Ids, on_canvas
from infill_model.infill.job import FinalToken, Job, JobProgress
from infill_model.request import Options
from infill_model.transformer.sequence import SequenceDenoiser
from infill_model.vocabulary import DEL, MASK, MIDDLE, RESERVED, Vocabulary

reference = cache(Reference.of)
POLICIES = {"entropy": "entropy_bound:0", "maskgit_plus": "threshold:1"}


@needs_parity
@pytest.mark.parametrize(
    "name",
    [
        "expand_from_4",
        "expand_only_from_4",
        "delete_from_16",
        "budget_used_up",
        "delete_pad_eos_to_right",
        "expand_from_4_maskgit_plus",
    ],
)
def test_expansion_and_deletion_are_the_reference_s(name: str, no_text: Vocabulary) -> None:
    it = reference("dreamon")
    case = it.decode(name)
    ids = Ids(mask=506, end=500, expand=507)
    denoiser = SequenceDenoiser(it.network(), IdMap(ids), shifted=True, block=None)
    (row,) = case["input_ids"]
    masks, start = row.count(506), case["prefix_len"]
    context = [*on_canvas(row[:start]), MIDDLE, *on_canvas(row[start + masks :])]
    job = Job(context, [Piece([MASK] * masks, pinned=False)])
    run = FillRun(denoiser, no_text, Options(unmask=POLICIES[case["params"]["alg"]]), Limits(steps=64))
    deletes_right = case["params"]["pad_eos_to_right"]
    (now,) = expand(run, [job], 507 + RESERVED, case["params"]["max_gen_len"], deletes_right=deletes_right)
    assert [i - RESERVED for i in now.job.pieces[0].ids] == case["expected"][0][start : start + case["middle_tokens"]]
    assert run.forwards == case["forwards"]
    assert now.stopped == "complete"


def hole(*ids: int) -> JobProgress:
    job = Job([], [Piece(list(ids), pinned=False), Piece([90], pinned=True), Piece([MASK], pinned=False)])
    row = [*(FinalToken(i, 0.5, 1, 0) for i in ids), FinalToken(90, 1.0, 0, -1), FinalToken(MASK, 0.0, 0, 1)]
    return JobProgress(job, row=tuple(row))


def test_an_expand_token_becomes_two_masks_where_it_stands() -> None:
    now, expanded = resize(hole(20, 77, 21), 77, deletes_right=True)
    assert expanded == 1
    assert [list(it.ids) for it in now.job.pieces] == [[20, MASK, MASK, 21], [90], [MASK]]
    assert [it.id for it in now.row] == [20, MASK, MASK, 21, 90, MASK]


def test_a_deletion_takes_the_masks_to_its_right_up_to_the_pin() -> None:
    now, expanded = resize(hole(MASK, DEL, MASK, 21, MASK), 77, deletes_right=True)
    assert expanded == 0
    assert [list(it.ids) for it in now.job.pieces] == [[MASK, 21], [90], [MASK]]


def test_a_deletion_may_take_itself_only() -> None:
    now, _ = resize(hole(MASK, DEL, MASK), 77, deletes_right=False)
    assert [list(it.ids) for it in now.job.pieces] == [[MASK, MASK], [90], [MASK]]
