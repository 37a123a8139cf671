import itertools
from collections.abc import Callable, Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import Draft
from infill_model.denoising.loop import REPAIRS, RowCritic, denoise
from infill_model.denoising.policies import (
    REMASK,
    STOP,
    UNMASK,
    Policies,
    remask_policy,
    stop_policy,
    unmask_policy,
)
from infill_model.denoising.prediction import Sampling
from infill_model.denoising.scripted import Script, ScriptedContext, ScriptedDenoiser, WrongGuess
from infill_model.denoising.stop import Limits
from infill_model.vocabulary import DEL, MASK, RESERVED

UNMASK_SPECS = [*UNMASK, "top_k:cosine"]
VOCABULARY = 64
STRUCTURE = torch.arange(VOCABULARY) % 2 == 0

# Eight positions, the last two surplus; position 3 is pinned.
TARGET = (20, 21, 22, 23, 24, 25, DEL, DEL)
CONFIDENCE = (0.95, 0.7, 0.6, 0.9, 0.8, 0.5, 0.92, 0.9)
PIECES = [Piece([MASK] * 3, False), Piece([23], True), Piece([MASK] * 4, False)]


def hole_ids(canvas: Canvas, row: int, hole: int) -> list[int]:
    """Return the current ids in one hole, without masks and deletions."""
    return [it for it in canvas.ids[row][canvas.hole[row] == hole].tolist() if it not in (MASK, DEL)]


def policies(unmask: str = "threshold:0.9", remask: str = "none", stop: str = "complete") -> Policies:
    return Policies(unmask_policy(unmask), remask_policy(remask), stop_policy(stop))


def run(
    denoiser: ScriptedDenoiser,
    rows: Sequence[Sequence[Piece]],
    chosen: Policies | None = None,
    *,
    scripts: Sequence[int] = (0,),
    limits: Limits | None = None,
    sampling: Sampling | None = None,
    critic: RowCritic | None = None,
) -> list[Draft]:
    context = denoiser.encode([[script] for script in scripts])
    chosen = chosen or policies()
    limits = limits or Limits(steps=64)
    canvas = Canvas.of(rows)
    return list(
        denoise(denoiser, context, canvas, chosen, limits, sampling=sampling, critic=critic, structure=STRUCTURE)
    )


def ids(draft: Draft, row: int = 0) -> list[int]:
    return draft.canvas.ids[row].tolist()


def masks(count: int) -> list[Piece]:
    return [Piece([MASK] * count, False)]


# The plain way.


def test_one_fill_worked_by_hand() -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, CONFIDENCE)])
    drafts = run(denoiser, [PIECES])
    # Step 1: 0.95 and 0.92 and 0.9 reach 0.9; position 4 has a pinned neighbour, so 1 - 0.2 / 2 = 0.9 does, too.
    assert ids(drafts[0]) == [20, MASK, MASK, 23, 24, MASK, DEL, DEL]
    # Step 2: position 1 has one neighbour, 1 - 0.3 / 2 = 0.85; position 2 one, 0.8; position 5 two, 0.875.
    # None reaches 0.9, so the most confident is committed.
    assert ids(drafts[1]) == [20, MASK, MASK, 23, 24, 25, DEL, DEL]
    # Step 3: again only 0.85 and 0.8. Step 4: position 2 now has two neighbours, 1 - 0.4 / 4 = 0.9.
    assert ids(drafts[2]) == [20, 21, MASK, 23, 24, 25, DEL, DEL]
    assert ids(drafts[3]) == list(TARGET)
    assert len(drafts) == denoiser.forwards == 4
    last = drafts[-1]
    assert last.confidence[0].tolist() == pytest.approx([0.95, 0.85, 0.9, 1.0, 0.9, 0.875, 0.92, 0.9], abs=1e-5)
    assert last.committed_at.tolist() == [[1, 3, 4, -1, 1, 2, 1, 1]]
    assert last.stopped == ("complete",)
    assert last.steps == (4,)
    assert [draft.step for draft in drafts] == [1, 2, 3, 4]
    assert [draft.unmasked[0].nonzero().flatten().tolist() for draft in drafts] == [[0, 4, 6, 7], [5], [1], [2]]


def test_a_draft_says_what_it_would_write() -> None:
    draft = run(ScriptedDenoiser([Script(TARGET, CONFIDENCE)]), [PIECES])[0]
    assert draft.guess.tolist() == [list(TARGET)]
    assert draft.confidence[0, 1] == 0
    assert draft.committed_at[0, 1] == -1


@pytest.mark.parametrize(
    ("unmask", "remask", "stop"), list(itertools.product(UNMASK_SPECS, REMASK, STOP)), ids="-".join
)
def test_all_policies_together_reach_the_target(unmask: str, remask: str, stop: str) -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, CONFIDENCE), Script((30, 31), (0.6, 0.6))])
    drafts = run(
        denoiser,
        [PIECES, masks(3)],
        policies(unmask, remask, stop),
        scripts=[0, 1],
        limits=Limits(steps=24),
        sampling=Sampling((0.0, 0.0), (5, 6)),
    )
    last = drafts[-1]
    assert last.done
    assert ids(last) == list(TARGET)
    assert hole_ids(last.canvas, 1, 0) == [30, 31]
    assert len(drafts) == denoiser.forwards <= 24
    assert (last.confidence[~last.canvas.pinned] > 0).all()


@pytest.mark.parametrize("unmask", UNMASK_SPECS)
def test_every_step_commits_something(unmask: str) -> None:
    denoiser = ScriptedDenoiser([Script(range(20, 32), [0.3] * 12)])
    for draft in run(denoiser, [masks(12)], policies(unmask), limits=Limits(steps=12)):
        assert draft.unmasked.any()


def test_top_k_takes_as_many_steps_as_it_is_given() -> None:
    for unmask, counts in (("top_k", [3, 3, 2, 2]), ("top_k:cosine", [1, 2, 4, 3]), ("random", [3, 3, 2, 2])):
        drafts = run(
            ScriptedDenoiser([Script(range(20, 30), [0.9] * 10)]), [masks(10)], policies(unmask), limits=Limits(steps=4)
        )
        assert [int(draft.unmasked.sum()) for draft in drafts] == counts
        assert drafts[-1].stopped == ("complete",)


def test_a_canvas_without_holes_needs_no_forward() -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, CONFIDENCE)])
    drafts = run(denoiser, [[Piece(TARGET, True)]])
    assert denoiser.forwards == 0
    assert [draft.stopped for draft in drafts] == [("complete",)]
    assert drafts[0].confidence.tolist() == [[1.0] * 8]


# Starting drafts.


def test_one_forward_confirms_a_complete_starting_draft() -> None:
    denoiser = ScriptedDenoiser([Script((20, 21), (0.8, 0.6))])
    drafts = run(denoiser, [[Piece([20, 33], False)]])
    assert len(drafts) == denoiser.forwards == 1
    assert ids(drafts[0]) == [20, 33]
    # The right token is as probable as the script says; of the remaining 0.4 / 2, 33 has one 47th.
    assert drafts[0].confidence[0].tolist() == pytest.approx([0.8, 0.2 / 47], abs=1e-5)
    assert drafts[0].committed_at.tolist() == [[0, 0]]


@pytest.mark.parametrize("remask", ["edit:0.75", "revoke:0.5"])
def test_a_wrong_starting_draft_is_corrected(remask: str) -> None:
    denoiser = ScriptedDenoiser([Script(TARGET, CONFIDENCE)])
    drafts = run(denoiser, [[Piece([20, 40, 41, 23, 24, 42, DEL, DEL], False)]], policies(remask=remask))
    assert ids(drafts[-1]) == list(TARGET)
    assert drafts[-1].stopped == ("complete",)


# Remasking in the loop.

# The guess at position 1 is wrong, and confident, until position 2 is there.
MISTAKEN = Script((20, 21, 22, 23), (0.9, 0.7, 0.6, 0.5), {1: WrongGuess(40, until=2)})


def test_without_remasking_a_mistake_stays() -> None:
    drafts = run(ScriptedDenoiser([MISTAKEN]), [masks(4)], policies("threshold:0.7"))
    assert ids(drafts[-1]) == [20, 40, 22, 23]


def test_edit_overwrites_the_mistake_once_it_is_noticed() -> None:
    drafts = run(ScriptedDenoiser([MISTAKEN]), [masks(4)], policies("threshold:0.7", "edit:0.9"))
    # 1: 20 and 40 (0.7). 2: 22 stands alone between mistake and mask, 0.6, and is the most confident.
    # 3: position 3 is 1 - 0.5 / 2 = 0.75; position 1 sees 20 and 22, 1 - 0.3 / 4 = 0.925, and is overwritten.
    # 4: nothing changes any more.
    assert [ids(draft) for draft in drafts] == [
        [20, 40, MASK, MASK],
        [20, 40, 22, MASK],
        [20, 21, 22, 23],
        [20, 21, 22, 23],
    ]
    assert drafts[2].overwritten.tolist() == [[False, True, False, False]]
    assert drafts[2].confidence[0, 1] == pytest.approx(0.925, abs=1e-5)
    assert drafts[2].committed_at[0, 1] == 3
    assert drafts[-1].stopped == ("complete",)


def test_edit_stops_even_when_the_denoiser_never_agrees_with_itself() -> None:
    # The guess at each position is wrong while the other is right, so both flip forever.
    fickle = Script((20, 21), (0.9, 0.9), {0: WrongGuess(30, until=1), 1: WrongGuess(31, until=0)})
    start = [Piece([20, 31], False)]
    drafts = run(ScriptedDenoiser([fickle]), [start], policies(remask="edit:0.5:5"))
    edits = [int(draft.overwritten.any()) for draft in drafts]
    assert sum(edits) <= 5
    assert len(drafts) <= 6
    assert drafts[-1].stopped == ("complete",)


def test_revoke_takes_the_mistake_back_where_the_denoiser_itself_would_copy_it() -> None:
    # Position 1 is wrong until 2 is there, and the denoiser repeats the token it sees.
    script = Script(range(20, 26), (0.9, 0.7, 0.9, 0.5, 0.4, 0.9), {1: WrongGuess(40, until=2)})
    drafts = run(ScriptedDenoiser([script], copies=0.99), [masks(6)], policies("threshold:0.6", "revoke:0.7"))
    # 2: beside their neighbours, positions 3 and 4 are 1 - 0.5 / 2 = 0.75 and 1 - 0.6 / 2 = 0.7; the shadow of
    # position 1, between two right tokens, is 21 with 0.925.
    assert [ids(draft) for draft in drafts] == [
        [20, 40, 22, MASK, MASK, 25],
        [20, MASK, 22, 23, 24, 25],
        [20, 21, 22, 23, 24, 25],
    ]
    assert drafts[1].remasked.nonzero().tolist() == [[0, 1]]
    edited = run(ScriptedDenoiser([script], copies=0.99), [masks(6)], policies("threshold:0.6", "edit:0.7"))
    assert ids(edited[-1]) == [20, 40, 22, 23, 24, 25]


def test_a_starting_draft_is_judged_without_seeing_itself_where_a_policy_looks_so() -> None:
    script = Script(range(20, 23), (0.8, 0.8, 0.8))
    start = [Piece([20, 40, 22], False)]
    copying = ScriptedDenoiser([script], copies=0.99)
    # The denoiser repeats the 40 that it sees; its shadow would write 21, and gives 40 next to nothing.
    assert run(copying, [start])[0].confidence[0, 1] > 0.98
    judged = run(copying, [start], policies(remask="revoke:0.5"), limits=Limits(steps=1))[0]
    assert ids(judged) == [20, 40, 22]
    assert judged.confidence[0, 1] < 0.01
    assert judged.confidence[0, 0] == pytest.approx(0.8)


def test_revoke_always_ends() -> None:
    # The denoiser is forever unsure: nothing reaches the threshold of the shadow.
    denoiser = ScriptedDenoiser([Script(range(20, 36), [0.3] * 16)])
    drafts = run(denoiser, [masks(16)], policies("threshold:0.2", "revoke:1.0"), limits=Limits(steps=200))
    assert drafts[-1].stopped == ("complete",)
    assert len(drafts) < 40
    committed = [0, *(int(draft.canvas.committed.sum()) for draft in drafts)]
    gains = [after - before for before, after in itertools.pairwise(committed)]
    assert sum(gains) == 16


def test_loop_goes_round_as_often_as_told() -> None:
    denoiser = ScriptedDenoiser([Script(range(20, 28), [0.95] * 8)])
    drafts = run(denoiser, [masks(8)], policies(remask="loop:2:5"))
    # One step commits all; it and the next four take two back, then the last two are committed.
    assert [int(draft.remasked.sum()) for draft in drafts] == [2, 2, 2, 2, 2, 0]
    assert ids(drafts[-1]) == list(range(20, 28))


def test_remasked_tokens_lose_their_confidence() -> None:
    denoiser = ScriptedDenoiser([Script(range(20, 28), [0.95] * 8)])
    draft = run(denoiser, [masks(8)], policies(remask="loop:2:5"))[0]
    assert (draft.confidence[draft.remasked] == 0).all()
    assert (draft.committed_at[draft.remasked] == -1).all()
    assert torch.equal(draft.remasked, draft.canvas.masked)


# Ending.


class Count:
    """A clock that counts how often it was read, or a cancellation that comes after a number of reads."""

    def __init__(self, until: int = 0) -> None:
        self.asked, self.until = 0, until

    def time(self) -> float:
        self.asked += 1
        return float(self.asked)

    def cancelled(self) -> bool:
        self.asked += 1
        return self.asked > self.until


LONG = Script(range(20, 52), [0.3] * 32)


@pytest.mark.parametrize("steps", [1, 3, 10])
def test_the_step_limit_commits_the_rest(steps: int) -> None:
    denoiser = ScriptedDenoiser([LONG])
    drafts = run(denoiser, [masks(32)], limits=Limits(steps=steps))
    assert len(drafts) == denoiser.forwards == steps
    assert ids(drafts[-1]) == list(LONG.target)
    assert drafts[-1].stopped == ("steps",)
    assert drafts[-1].steps == (steps,)
    # A forced token keeps its own confidence: 0.3 without neighbours.
    assert drafts[-1].confidence[0, -1] == pytest.approx(0.3, abs=1e-5)


@pytest.mark.parametrize("seen", [1, 4])
def test_the_deadline_commits_the_rest(seen: int) -> None:
    denoiser = ScriptedDenoiser([LONG])
    drafts = run(denoiser, [masks(32)], limits=Limits(steps=64, deadline=seen, clock=Count().time))
    assert len(drafts) == denoiser.forwards == seen
    assert ids(drafts[-1]) == list(LONG.target)
    assert drafts[-1].stopped == ("deadline",)


@pytest.mark.parametrize("remask", list(REMASK))
def test_nothing_is_taken_back_at_the_limit(remask: str) -> None:
    for steps in range(1, 8):
        drafts = run(ScriptedDenoiser([LONG]), [masks(32)], policies("threshold:0.3", remask), limits=Limits(steps))
        assert drafts[-1].canvas.complete.all()


def test_a_deadline_after_the_end_changes_nothing() -> None:
    drafts = run(
        ScriptedDenoiser([Script(TARGET, CONFIDENCE)]), [PIECES], limits=Limits(64, deadline=99, clock=Count().time)
    )
    assert drafts[-1].stopped == ("complete",)
    assert len(drafts) == 4


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_cancellation_stops_before_the_next_forward(steps: int) -> None:
    denoiser = ScriptedDenoiser([LONG])
    drafts = run(denoiser, [masks(32)], limits=Limits(steps=64, cancelled=Count(until=steps).cancelled))
    assert denoiser.forwards == steps
    assert len(drafts) == steps + 1
    assert drafts[-1].stopped == ("cancelled",)
    assert int(drafts[-1].canvas.committed.sum()) == steps


def test_rows_that_ended_before_a_cancellation_keep_their_reason() -> None:
    denoiser = ScriptedDenoiser([LONG, Script((20,), (0.95,))])
    limits = Limits(steps=64, cancelled=Count(until=3).cancelled)
    drafts = run(denoiser, [masks(32), masks(1)], scripts=[0, 1], limits=limits)
    assert drafts[-1].stopped == ("cancelled", "complete")


def test_stable_commits_the_rest_once_nothing_moves() -> None:
    # The guess is the same in step 2 as in step 1; with 0.97 and 47 others the entropy of a mask is 0.25 nats.
    denoiser = ScriptedDenoiser([Script(range(20, 30), [0.97] * 10)])
    drafts = run(denoiser, [masks(10)], policies("top_k", stop="stable:1:0.3"), limits=Limits(steps=10))
    assert [int(draft.unmasked.sum()) for draft in drafts] == [1, 9]
    assert drafts[-1].stopped == ("stable",)
    unsure = run(denoiser, [masks(10)], policies("top_k", stop="stable:1:0.01"), limits=Limits(steps=10))
    assert unsure[-1].stopped == ("complete",)
    assert len(unsure) == 10


def test_nothing_is_taken_back_from_a_stable_row() -> None:
    denoiser = ScriptedDenoiser([Script(range(20, 28), [0.97] * 8)])
    drafts = run(denoiser, [masks(8)], policies("threshold:0.98", "cap:1", "stable:1:0.3"))
    assert len(drafts) == 2
    assert drafts[-1].stopped == ("stable",)


def test_a_guess_that_moves_is_not_stable() -> None:
    # Position 9 changes its mind when position 0, the first to be committed, is there.
    script = Script(range(20, 30), [0.999, *[0.97] * 9], {9: WrongGuess(50, until=0)})
    drafts = run(
        ScriptedDenoiser([script]), [masks(10)], policies("top_k", stop="stable:1:0.3"), limits=Limits(steps=10)
    )
    assert [int(draft.unmasked.sum()) for draft in drafts] == [1, 1, 8]
    assert ids(drafts[-1]) == list(range(20, 30))


# Rows.

SPECS = [(u, r, s) for u, r, s in itertools.product(UNMASK_SPECS, REMASK, STOP) if u == "threshold" or r == "none"]


@pytest.mark.parametrize(("unmask", "remask", "stop"), [*SPECS, ("random", "cap:0.5", "stable")], ids="-".join)
def test_a_row_is_the_same_alone_and_among_others(unmask: str, remask: str, stop: str) -> None:
    scripts = [Script(TARGET, CONFIDENCE), Script((30, 31), (0.6, 0.6)), LONG, MISTAKEN]
    rows = [PIECES, masks(3), masks(32), masks(4)]
    temperatures, seeds = (0.0, 1.5, 0.0, 1.0), (1, 2, 3, 4)
    chosen, limits = policies(unmask, remask, stop), Limits(steps=20)
    together = run(
        ScriptedDenoiser(scripts),
        rows,
        chosen,
        scripts=range(4),
        limits=limits,
        sampling=Sampling(temperatures, seeds),
    )[-1]
    for row in range(4):
        alone = run(
            ScriptedDenoiser(scripts),
            [rows[row]],
            chosen,
            scripts=[row],
            limits=limits,
            sampling=Sampling((temperatures[row],), (seeds[row],)),
        )[-1]
        width = len(ids(alone))
        assert ids(together, row)[:width] == ids(alone)
        assert torch.equal(together.committed_at[row, :width], alone.committed_at[0])
        torch.testing.assert_close(together.confidence[row, :width], alone.confidence[0])
        assert (together.stopped[row], together.steps[row]) == (alone.stopped[0], alone.steps[0])


def test_a_row_that_ended_is_left_alone() -> None:
    denoiser = ScriptedDenoiser([LONG, MISTAKEN])
    drafts = run(denoiser, [masks(32), masks(4)], policies("threshold:0.7", "cap:0.9"), scripts=[0, 1])
    ended = next(draft for draft in drafts if draft.stopped[1] is not None)
    after = drafts[ended.step :]
    assert len(after) > 3
    for draft in after:
        assert ids(draft, 1) == ids(ended, 1)
        assert draft.steps[1] == ended.step
        assert not (draft.unmasked[1] | draft.remasked[1] | draft.overwritten[1]).any()


def test_the_same_seed_gives_the_same_fill_and_other_seeds_give_others() -> None:
    def texts(first: int) -> list[list[int]]:
        seeds = tuple(range(first, first + 8))
        drafts = run(
            ScriptedDenoiser([LONG]),
            [masks(32)] * 8,
            policies("random", "cap:0.2"),
            scripts=[0] * 8,
            sampling=Sampling((1.5,) * 8, seeds, top_p=0.9),
        )
        return drafts[-1].canvas.ids.tolist()

    fills = texts(0)
    assert fills == texts(0)
    assert len({tuple(fill) for fill in fills}) == 8


@st.composite
def canvases(draw: st.DrawFn) -> list[list[Piece]]:
    """Draw rows of pinned stretches, holes of masks and holes with drafts."""
    token = st.integers(RESERVED, VOCABULARY - 1)
    hole = st.lists(st.one_of(st.just(MASK), st.just(DEL), token), min_size=1, max_size=4)
    piece = st.one_of(
        st.builds(Piece, ids=st.lists(token, min_size=1, max_size=3), pinned=st.just(True)),
        st.builds(Piece, ids=hole, pinned=st.just(False)),
    )
    return draw(st.lists(st.lists(piece, min_size=1, max_size=4), min_size=1, max_size=3))


@settings(deadline=None, max_examples=60)
@given(
    rows=canvases(),
    unmask=st.sampled_from(UNMASK_SPECS),
    remask=st.sampled_from(["none", "cap:0.5", "rescale:1", "conf", "loop:2:3", "revoke:0.7", "edit:0.5"]),
    stop=st.sampled_from(list(STOP)),
    temperature=st.sampled_from([0.0, 1.0]),
    steps=st.integers(1, 12),
    seed=st.integers(0, 2**40),
)
def test_whatever_the_policies_pins_stay_and_every_fill_is_complete(
    rows: list[list[Piece]], unmask: str, remask: str, stop: str, temperature: float, steps: int, seed: int
) -> None:
    numbers = torch.Generator().manual_seed(seed)
    script = Script(
        torch.randint(RESERVED, VOCABULARY, (16,), generator=numbers).tolist(),
        (torch.rand(16, generator=numbers) * 0.9 + 0.05).tolist(),
        {3: WrongGuess(50, until=5), 5: WrongGuess(51, until=3)},
    )
    start = Canvas.of(rows)
    drafts = run(
        ScriptedDenoiser([script]),
        rows,
        policies(unmask, remask, stop),
        scripts=[0] * len(rows),
        limits=Limits(steps=steps),
        sampling=Sampling((temperature,) * len(rows), tuple(range(seed, seed + len(rows)))),
    )
    for draft in drafts:
        assert torch.equal(draft.canvas.ids[start.pinned], start.ids[start.pinned])
        assert (draft.confidence[start.pinned] == 1).all()
        assert (draft.confidence[draft.canvas.masked] == 0).all()
        assert torch.equal(draft.committed_at >= 0, draft.canvas.committed)
    written = drafts[-1].canvas.ids[~start.pinned]
    assert ((written >= RESERVED) | (written == DEL)).all()
    assert len(drafts) <= steps


# The critic.


def objecting(to: Callable[[list[int]], Sequence[int]]) -> tuple[RowCritic, list[list[int]]]:
    """Return a critic that objects to positions of the row's ids, and the record of its inputs."""
    shown: list[list[int]] = []

    def critic(canvas: Canvas, row: int) -> Tensor:
        shown.append(canvas.ids[row].tolist())
        objections = torch.zeros(len(shown[-1]), dtype=torch.bool)
        objections[list(to(shown[-1]))] = True
        return objections

    return critic, shown


def test_a_repair_denoises_again_what_the_critic_objects_to() -> None:
    critic, shown = objecting(lambda row: [p for p, i in enumerate(row) if i == 40])
    drafts = run(ScriptedDenoiser([MISTAKEN]), [masks(4)], policies("threshold:0.7"), critic=critic)
    # The mistake is remasked, and by then its neighbour is there.
    assert shown == [[20, 40, 22, 23], [20, 21, 22, 23]]
    assert ids(drafts[-1]) == [20, 21, 22, 23]
    sent_back = drafts[-2]
    assert sent_back.remasked.tolist() == [[False, True, False, False]]
    assert ids(sent_back) == [20, MASK, 22, 23]
    assert sent_back.stopped == (None,)
    assert drafts[-1].stopped == ("complete",)


def test_pinned_positions_are_not_the_critics_to_send_back() -> None:
    critic, shown = objecting(lambda row: [3])
    drafts = run(ScriptedDenoiser([Script(TARGET, CONFIDENCE)]), [PIECES], critic=critic)
    assert len(shown) == 1
    assert ids(drafts[-1]) == list(TARGET)


class Restless(ScriptedDenoiser):
    """Predicts token 20 + the number of the forward everywhere, so that each repair gives a different text."""

    def logits(self, context: ScriptedContext, canvas: Canvas, where: Tensor) -> Tensor:
        self.forwards += 1
        logits = torch.zeros(int(where.sum()), self.vocabulary)
        logits[..., 20 + self.forwards] = 9.0
        return logits


@pytest.mark.parametrize(
    ("objections", "expected"),
    [
        # How many positions the critic objects to in the first, second and third draft, and which draft wins.
        # A repair replaces from the left, so the drafts are 21 21 21, then 22 ... and 23 ... in the remasked part.
        ([3, 3, 2], [23, 23, 23]),
        ([2, 3, 3], [21, 21, 21]),
        ([3, 1, 2], [22, 22, 22]),
        ([1, 1, 1], [21, 21, 21]),
        ([3, 0], [22, 22, 22]),
        ([0], [21, 21, 21]),
    ],
)
def test_the_draft_with_the_fewest_objections_wins(objections: list[int], expected: list[int]) -> None:
    remaining = iter(objections)
    critic, shown = objecting(lambda row: range(next(remaining)))
    drafts = run(Restless([MISTAKEN]), [masks(3)], critic=critic)
    assert len(shown) == len(objections) <= REPAIRS + 1
    assert ids(drafts[-1]) == expected
    assert drafts[-1].stopped == ("complete",)
    assert drafts[-1].committed_at.tolist() == [[expected[0] - 20] * 3]


def test_a_repair_that_reads_the_same_is_not_tried_again() -> None:
    critic, shown = objecting(lambda row: [0])
    drafts = run(ScriptedDenoiser([Script(TARGET, CONFIDENCE)]), [PIECES], critic=critic)
    assert len(shown) == 2
    assert ids(drafts[-1]) == list(TARGET)


def test_a_repair_cut_short_by_the_limit_gives_the_better_draft() -> None:
    # The first draft is complete in step 1; the repair in step 2 is the last step.
    for objections, expected in (([1, 2], [21, 21, 21]), ([2, 1], [22, 22, 21])):
        remaining = iter(objections)
        critic, shown = objecting(lambda row, remaining=remaining: range(next(remaining)))
        drafts = run(Restless([MISTAKEN]), [masks(3)], critic=critic, limits=Limits(steps=2))
        assert len(shown) == 2
        assert ids(drafts[-1]) == expected


def test_the_critic_is_not_asked_when_nothing_can_be_repaired() -> None:
    critic, shown = objecting(lambda row: [0])
    drafts = run(ScriptedDenoiser([LONG]), [masks(32)], critic=critic, limits=Limits(steps=1))
    assert shown == []
    assert drafts[-1].stopped == ("steps",)


def test_the_critic_sees_only_complete_rows_and_each_by_itself() -> None:
    critic, shown = objecting(lambda row: [p for p, i in enumerate(row) if i == 40])
    scripts = [MISTAKEN, Script((30, 31), (0.6, 0.6))]
    drafts = run(
        ScriptedDenoiser(scripts), [masks(4), masks(2)], policies("threshold:0.7"), scripts=[0, 1], critic=critic
    )
    assert all(MASK not in row for row in shown)
    assert ids(drafts[-1]) == [20, 21, 22, 23]
    assert hole_ids(drafts[-1].canvas, 1, 0) == [30, 31]
