"""Whole decodes of the families with full attention, in the shared loop, compared token for token and step for step."""

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

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

from infill_model.checkpoints.drive import FillRun
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.draft import PolicyStep, lowest
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, unmask_policy
from infill_model.denoising.remask import Revision
from infill_model.denoising.stop import Limits
from infill_model.denoising.unmask import UnmaskPolicy
from infill_model.files.id_map import on_canvas
from infill_model.infill.job import Job, JobProgress
from infill_model.request import Options
from infill_model.transformer.sequence import CacheMode, SequenceContext, SequenceDenoiser
from infill_model.vocabulary import MASK, MIDDLE, RESERVED, Vocabulary

reference = cache(Reference.of)
SCORES = {
    "entropy": entropy,
    "confidence_threshold": confidence,
    "maskgit_plus": confidence,
    "topk_margin": margin,
    "low_confidence": confidence,
}


def in_canvas(row: list[int], start: list[int], mask: int) -> list[int]:
    """Return the part of a reference's row that was initially masked."""
    masks = [n for n, i in enumerate(start) if i == mask]
    return row[masks[0] : masks[-1] + 1]


def follow(
    it: Reference, name: str, policy: UnmaskPolicy | None = None, denoiser: SequenceDenoiser | None = None
) -> None:
    """Run the loop alongside the reference, and compare each canvas and the result."""
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
    guided = Guided(known.network, known.id_map, shifted=False, block=None)
    policy = Schedule(counts(steps, 510), confidence)
    contexts, canvas = laid_out([steps[0]], 510)
    drafts = list(denoise(guided, guided.encode(contexts), canvas, Policies(unmask=policy), Limits(64)))
    assert written(drafts[-1].canvas, 510)[0] == steps[-1][9:]


@dataclass(frozen=True)
class Planned:
    """P2: step s of S commits all but the floor(n (1 - s / S)) least confident positions that are not pinned.

    Open-dLLM, generation_utils.py: a committed token is judged by the prediction at its position, even if they differ.
    """

    steps: int
    reads_committed: ClassVar[bool] = True
    reads_shadow: ClassVar[bool] = False
    wants_quiet: ClassVar[bool] = False
    may_wait: ClassVar[bool] = False

    def masks(self, step: PolicyStep) -> Tensor:
        free = ~step.draft.canvas.pinned
        left = (free.sum(1, keepdim=True) * (1 - step.number / self.steps)).long()
        return lowest(step.prediction.confidence, free, left)


class Plan(Planned):
    def __call__(self, step: PolicyStep) -> Tensor:
        return step.masked & ~self.masks(step)


class Replan(Planned):
    def __call__(self, step: PolicyStep, accepted: Tensor) -> Revision:
        return Revision(remask=step.committed & self.masks(step))


@needs_parity
@pytest.mark.parametrize("name", ["diffusion_generate_p2", "infill_p2"])
def test_open_dcoder_plans_its_path(name: str) -> None:
    it = reference("open-dcoder")
    case = it.decode(name)
    steps = [one[0] if isinstance(one[0], list) else one for one in case["steps"]]
    first = [*case["input_ids"][0], *[508] * (len(steps[0]) - len(case["input_ids"][0]))]
    start = first.index(508)
    contexts, canvas = laid_out([first], 508)
    denoiser = plain(it, 508)
    policies = Policies(unmask=Plan(case["params"]["steps"]), remask=Replan(case["params"]["steps"]))
    seen = []
    for draft in denoise(denoiser, denoiser.encode(contexts), canvas, policies, Limits(64)):
        seen.append(written(draft.canvas, 508)[0])
    expected = [row[start : start + len(seen[0])] for row in steps if row != first]
    assert seen == expected


@needs_parity
@pytest.mark.parametrize(
    ("name", "policy"),
    [("generate_8_steps_2_blocks", "top_k"), ("fast_dllm_threshold_no_cache", "threshold:0.5")],
)
def test_llada_from_left_to_right_in_blocks(name: str, policy: str, no_text: Vocabulary) -> None:
    """A block is a canvas whose right context is the masks of later blocks."""
    it = reference("llada")
    case = it.decode(name)
    (prompt,) = case["input_ids"]
    width, most = case["params"]["block_length"], case["params"]["gen_length"]
    run = FillRun(plain(it, 510), no_text, Options(unmask=policy), Limits(steps=256))
    row = on_canvas(prompt)
    for later in range(most - width, -1, -width):
        job = Job([*row, MIDDLE, *[MASK] * later], [Piece([MASK] * width, pinned=False)])
        (now,) = run.once([JobProgress(job)], steps=case["params"]["steps"] * width // most)
        row += [one.id for one in now.row]
    assert [i - RESERVED for i in row] == case["expected"][0]
    assert run.forwards == case["forwards"]


@dataclass(frozen=True)
class FirstAlone:
    """Fast-dLLM's policy for Dream: the first step of a block commits its first position and nothing else."""

    may_wait: ClassVar[bool] = False
    policy: UnmaskPolicy

    def __call__(self, step: PolicyStep) -> Tensor:
        if step.draft.step:
            return self.policy(step)
        first = torch.zeros_like(step.masked)
        first[:, 0] = True
        return first


@needs_parity
@pytest.mark.parametrize(
    ("family", "name", "policy", "reuse"),
    [
        ("llada", "fast_dllm_threshold_prefix_cache", unmask_policy("threshold:0.5"), CacheMode.PREFIX),
        ("llada", "fast_dllm_threshold_dual_cache", unmask_policy("threshold:0.5"), CacheMode.DUAL),
        ("llada", "fast_dllm_dual_cache_one_per_step", unmask_policy("threshold:1"), CacheMode.DUAL),
        ("dream", "fast_dllm_threshold_prefix_cache", FirstAlone(unmask_policy("threshold:0.5")), CacheMode.PREFIX),
        ("dream", "fast_dllm_threshold_dual_cache", FirstAlone(unmask_policy("threshold:0.5")), CacheMode.DUAL),
    ],
)
def test_reused_keys_and_values_give_the_reference_s_decodes(
    family: str, name: str, policy: UnmaskPolicy, reuse: CacheMode, no_text: Vocabulary
) -> None:
    it = reference(family)
    case, mask = it.decode(name), it.cases["special_ids"]["mask_token_id"]
    params = case["params"]
    width, most = params["block_length"], params.get("gen_length", params.get("max_new_tokens"))
    run = FillRun(plain(it, mask, reuse), no_text, Options(), Limits(steps=256))
    run.policies = Policies(unmask=policy)
    row = on_canvas(case["input_ids"][0])
    for later in range(most - width, -1, -width):
        job = Job([*row, MIDDLE, *[MASK] * later], [Piece([MASK] * width, pinned=False)])
        (now,) = run.once([JobProgress(job)])
        row += [one.id for one in now.row]
    assert [i - RESERVED for i in row] == case["expected"][0]
    assert run.forwards == case["forwards"]
