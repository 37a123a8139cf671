"""Whole decodes of the families where all positions see all, by the one loop, token for token and step for step."""

from functools import cache

import pytest
import torch
from parity import (
    Reference,
    Schedule,
    confidence,
    counts,
    entropy,
    entropy_of_top_50,
    laid_out,
    margin,
    needs_parity,
    plain,
    written,
)
from torch import Tensor

from infill_model.backends.sequence import SequenceContext, SequenceDenoiser
from infill_model.canvas import Canvas
from infill_model.denoise import denoise
from infill_model.policies import Policies, unmask_policy
from infill_model.policies.stop import Limits
from infill_model.policies.unmask import UnmaskPolicy

reference = cache(Reference.of)
SCORES = {
    "entropy": entropy,
    "confidence_threshold": confidence,
    "maskgit_plus": confidence,
    "topk_margin": margin,
    "low_confidence": confidence,
}


def in_canvas(row: list[int], start: list[int], mask: int) -> list[int]:
    """The part of a reference's row that was masked in the beginning."""
    masks = [n for n, i in enumerate(start) if i == mask]
    return row[masks[0] : masks[-1] + 1]


def follow(
    it: Reference, name: str, policy: UnmaskPolicy | None = None, denoiser: SequenceDenoiser | None = None
) -> None:
    """Run the loop beside the reference; each canvas is compared, and the result."""
    case, mask = it.decode(name), it.cases["special_ids"]["mask_token_id"]
    steps = [*case.get("forward_inputs", case.get("steps")), case["expected"]]
    steps = [[one] if isinstance(one[0], int) else one for one in steps]
    padding = case["params"].get("padding", "attended")
    contexts, canvas = laid_out(
        steps[0], mask, None if "attended" in padding else it.cases["special_ids"]["pad_token_id"]
    )
    if policy is None:
        score = SCORES[case["params"].get("alg", case["params"].get("remasking"))]
        policy = Schedule(counts(steps, mask), entropy_of_top_50 if name == "diffusion_generate_entropy" else score)
    denoiser = denoiser or plain(it, mask)
    expected = [[in_canvas(row, start, mask) for row, start in zip(one, steps[0], strict=True)] for one in steps]
    seen = [written(canvas, mask)]
    for draft in denoise(denoiser, denoiser.encode(contexts), canvas, Policies(unmask=policy), Limits(64)):
        seen.append(written(draft.canvas, mask))
    assert seen[-1] == expected[-1]
    assert seen == [one for n, one in enumerate(expected) if n == 0 or one != expected[n - 1]]


@needs_parity
@pytest.mark.parametrize(
    ("family", "name"),
    [
        ("dream", "diffusion_generate_entropy"),
        ("dream", "diffusion_generate_maskgit_plus_8_steps"),
        ("dream", "diffusion_generate_topk_margin_8_steps"),
        ("dream", "dllm_infill_entropy"),
        ("dream", "fast_dllm_threshold_no_cache"),
        ("dream", "dllm_infill_batch2_left_padded"),
        ("open-dcoder", "infill_entropy_12_steps"),
        ("open-dcoder", "infill_batch2_maskgit_plus"),
        ("dreamon", "fixed_canvas"),
        ("llada", "generate"),
        ("llada", "dllm_infill"),
        ("llada", "dllm_infill_batch2_right_padded"),
    ],
)
def test_the_reference_s_schedule_in_the_one_loop(family: str, name: str) -> None:
    follow(reference(family), name)


@needs_parity
@pytest.mark.parametrize(
    ("family", "name", "policy"),
    [
        ("dream", "dllm_infill_entropy", "entropy_bound:0"),
        ("dreamon", "fixed_canvas", "entropy_bound:0"),
        ("llada", "generate", "threshold:1"),
        ("llada", "dllm_infill", "threshold:1"),
    ],
)
def test_the_own_policies_give_the_reference_s_decodes(family: str, name: str, policy: str) -> None:
    follow(reference(family), name, unmask_policy(policy))


@needs_parity
def test_guidance_is_two_forwards_of_the_same_denoiser() -> None:
    it = reference("llada")
    case = it.decode("generate_cfg")

    class Guided(SequenceDenoiser):
        def logits(self, context: SequenceContext, canvas: Canvas, where: Tensor) -> Tensor:
            masked = [torch.full_like(row.left, 510) for row in context.rows]
            blind = SequenceContext(
                tuple(type(r)(left, r.right, r.line, None) for r, left in zip(context.rows, masked, strict=True))
            )
            free = super().logits(blind, canvas, where)
            told = super().logits(context, canvas, where)
            return torch.where(told.isinf(), told, free + (case["params"]["cfg_scale"] + 1) * (told - free))

    known = plain(it, 510)
    steps = [*(one[0] for one in case["forward_inputs"]), case["expected"][0]]
    case = dict(case, forward_inputs=steps[:-1])
    guided = Guided(known.network, known.edge, shifted=False, block=None)
    policy = Schedule(counts(steps, 510), confidence)
    contexts, canvas = laid_out([steps[0]], 510)
    drafts = list(denoise(guided, guided.encode(contexts), canvas, Policies(unmask=policy), Limits(64)))
    assert written(drafts[-1].canvas, 510)[0] == steps[-1][9:]
