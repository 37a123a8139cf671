"""DiffusionGemma against its reference: every stored random draw is replayed, so the result is deterministic."""

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from parity import PARITY, TOLERANCE, names, needs_parity
from torch import Tensor

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.denoising.prediction import Sampling
from infill_model.denoising.stop import Limits
from infill_model.families import diffusion_gemma
from infill_model.families.diffusion_gemma import GemmaDenoiser
from infill_model.files.checkpoint import Checkpoint
from infill_model.vocabulary import MASK, MIDDLE, PAD, RESERVED

transformers = pytest.importorskip("transformers.models.diffusion_gemma", reason="this transformers has no such model")


@cache
def model() -> GemmaDenoiser:
    checkpoint = Checkpoint.open(PARITY / "diffusion_gemma")
    ids = diffusion_gemma.ids(checkpoint)
    made = diffusion_gemma.FAMILY.denoiser(checkpoint, ids, [], torch.float32, "cpu")
    assert isinstance(made, GemmaDenoiser)
    return made


@cache
def arrays() -> dict[str, Tensor]:
    stored = np.load(PARITY / "diffusion_gemma" / "cases.npz")
    return {name: torch.from_numpy(stored[name]) for name in stored.files}


def decode_case(name: str) -> dict[str, Any]:
    cases = json.loads((PARITY / "diffusion_gemma" / "cases.json").read_text())["decode"]
    found: dict[str, Any] = next(it for it in cases if it["name"] == name)
    return found


@needs_parity
@pytest.mark.parametrize("case", names("diffusion_gemma", "forward"))
@torch.no_grad()
def test_logits_are_the_reference_s(case: str) -> None:
    it, stored = model(), arrays()
    mask = stored.get(f"{case}.attention_mask")
    ids, canvas = stored[f"{case}.input_ids"], stored[f"{case}.canvas_ids"]
    known, states = it.prefix(ids, mask)
    if f"{case}.encoder_logits" in stored:
        wrong = (it.capped(states) - stored[f"{case}.encoder_logits"]).abs().amax(2)
        assert (wrong if mask is None else wrong[mask.bool()]).max() <= TOLERANCE
    if f"{case}.finished_canvas" in stored:
        known, _ = it.prefix(stored[f"{case}.finished_canvas"], cache=known)
    both = None if mask is None else torch.cat([mask, torch.ones_like(canvas)], dim=1)
    said = it.step(known, canvas, stored.get(f"{case}.self_conditioning_logits"), both)
    wrong = (said - stored[f"{case}.decoder_logits"]).abs().max()
    print(f"diffusion_gemma {case}: {wrong:.2e}")
    assert wrong <= TOLERANCE


@needs_parity
@pytest.mark.parametrize("name", names("diffusion_gemma", "decode"))
@torch.no_grad()
def test_decodes_follow_the_reference_step_by_step(name: str) -> None:
    """The reference's sampler, fed with its draws: compare canvases, accepted tokens and the greedy canvas."""
    it, case = model(), decode_case(name)
    ids = torch.tensor(case["input_ids"])
    mask = torch.tensor(case["attention_mask"]) if "attention_mask" in case else None
    steps = case["params"]["max_denoising_steps"]
    known, _ = it.prefix(ids, mask)
    whole = ids
    for stored in case["canvases"]:
        canvas, before = torch.tensor(stored["initial_canvas"]), None
        if mask is not None:
            mask = torch.cat([mask, torch.ones_like(canvas)], dim=1)
        for one in stored["steps"]:
            assert canvas.tolist() == one["canvas"]
            heat = diffusion_gemma.temperature(steps - one["cur_step"], steps)
            before = it.step(known, canvas, before, mask) / heat
            best = before.argmax(2)
            assert best.tolist() == one["argmax"]
            entropy = torch.distributions.Categorical(logits=before).entropy()
            order = entropy.sort(dim=1)
            within = order.values.cumsum(1) - order.values <= case["params"]["entropy_bound"]
            accepted = torch.zeros_like(within).scatter(1, order.indices, within)
            assert accepted.int().tolist() == one["accepted"]
            canvas = torch.where(accepted, torch.tensor(one["sampled"]), torch.tensor(one["renoise"]))
        whole = torch.cat([whole, best], dim=1)
        known, _ = it.prefix(best, mask, known)
    expected = torch.tensor(case["expected"])
    written = whole[:, : expected.shape[1]]
    ended = torch.isin(expected[:, ids.shape[1] :], torch.tensor(case["params"]["eos_token_id"])).cumsum(1)
    after = torch.cat([torch.zeros_like(ids), ended], dim=1).roll(1, 1).bool()  # Padding follows an end.
    after[:, 0] = False
    assert written[~after].tolist() == expected[~after].tolist()


@needs_parity
def test_the_one_loop_fills_a_gap_before_pinned_code() -> None:
    it = model()
    around = [[2 + RESERVED, 162 + RESERVED, MIDDLE, 341 + RESERVED, 136 + RESERVED]]
    canvas = Canvas.of([[Piece([MASK] * 4, False), Piece([319 + RESERVED], True), Piece([MASK] * 3, False)]])
    policies = Policies(unmask_policy("entropy_bound:0.1"), remask_policy("none"), stop_policy("stable:1:0.005"))
    drafts = list(denoise(it, it.encode(around), canvas, policies, Limits(48)))
    end = drafts[-1].canvas
    assert bool(end.complete.all())
    assert int(end.ids[0, 4]) == 319 + RESERVED
    assert (end.ids[0] >= 2).all()
    again = list(denoise(it, it.encode(around), canvas, policies, Limits(48)))
    assert torch.equal(again[-1].canvas.ids, end.ids)


ROWS = (
    [Piece([MASK] * 3, False)],
    [Piece([MASK] * 5, False), Piece([319 + RESERVED], True), Piece([MASK] * 2, False)],
    [Piece([MASK] * 4, False)],
    [Piece([MASK] * 4, False)],
)
BEFORE, BEHIND = [2 + RESERVED, 162 + RESERVED], [341 + RESERVED, 136 + RESERVED]
CONTEXTS = {
    "the code behind alone": [[*BEFORE, MIDDLE, *BEHIND]] * len(ROWS),
    "up to the canvas's end": [[*BEFORE, MIDDLE, *BEHIND * 200]] * len(ROWS),
    "unlike code before": [[*BEFORE, MIDDLE, *BEHIND], [*BEFORE * 3, MIDDLE], [*BEFORE, MIDDLE], [*BEFORE * 3, MIDDLE]],
    "more than a window before": [[*BEFORE * 300, MIDDLE, *BEHIND]] * len(ROWS),
}


def decoded(rows: range, contexts: list[list[int]]) -> tuple[list[list[int]], int]:
    """Return the decoded canvases of some rows in one batch, sampled except the first, and the decoder's forwards."""
    it, forwards = model(), []
    watched = it._model.model.decoder.register_forward_pre_hook(lambda *_: forwards.append(1))
    policies = Policies(unmask_policy("entropy_bound:0.1"), remask_policy("none"), stop_policy("complete"))
    sampling = Sampling(tuple(0.7 if n else 0.0 for n in rows), tuple(rows))
    canvas = Canvas.of([ROWS[n] for n in rows])
    drafts = list(denoise(it, it.encode([contexts[n] for n in rows]), canvas, policies, Limits(48), sampling=sampling))
    watched.remove()
    ids = drafts[-1].canvas.ids
    return [[i for i in row if i != PAD] for row in ids.tolist()], len(forwards)


@needs_parity
@pytest.mark.parametrize("around", CONTEXTS)
def test_canvases_side_by_side_become_what_each_becomes_alone_in_the_forwards_of_the_longest(around: str) -> None:
    contexts = CONTEXTS[around]
    alone = [decoded(range(n, n + 1), contexts) for n in range(len(ROWS))]
    together, forwards = decoded(range(len(ROWS)), contexts)
    assert together == [row for (row,), _ in alone]
    unlike = len({tuple(it[: it.index(MIDDLE)]) for it in contexts})
    assert forwards <= unlike * max(it for _, it in alone)
    assert forwards < sum(it for _, it in alone)
    assert forwards > 2


@needs_parity
@pytest.mark.parametrize("around", CONTEXTS)
def test_logits_side_by_side_are_those_of_each_alone_step_after_step(around: str) -> None:
    it, contexts = model(), CONTEXTS[around]
    canvas = Canvas.of(ROWS)
    wide, alone = it.encode(contexts), [it.encode([row]) for row in contexts]
    for _ in range(3):
        together = it.logits(wide, canvas, canvas.masked)
        one_by_one = [
            it.logits(own, Canvas.of([row]), Canvas.of([row]).masked) for own, row in zip(alone, ROWS, strict=True)
        ]
        usual = torch.cat(one_by_one)
        finite = usual.isfinite()
        assert torch.equal(together.isfinite(), finite)
        assert (together[finite] - usual[finite]).abs().max() <= TOLERANCE


@needs_parity
def test_a_shadow_is_what_a_mask_at_its_place_would_get() -> None:
    it = model()
    around = [[2 + RESERVED, 162 + RESERVED, MIDDLE]]
    canvas = Canvas.of([[Piece([30 + RESERVED, MASK, 31 + RESERVED], False)]])
    shadows = torch.tensor([[False, False, True]])
    plain, shadow = it.logits_with_shadow(it.encode(around), canvas, canvas.masked, shadows)
    assert torch.equal(plain, it.logits(it.encode(around), canvas, canvas.masked))
    assert torch.equal(shadow, it.logits(it.encode(around), canvas.remask(shadows), shadows))
