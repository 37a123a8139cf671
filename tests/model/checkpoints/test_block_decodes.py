"""Whole decodes of the families with block-causal attention, decoded block by block in the shared loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import pytest
import torch
from parity import Reference, Schedule, confidence, counts, needs_parity, plain
from torch import Tensor

from infill_model.checkpoints.drive import FillRun, write_blocks
from infill_model.denoising.canvas import Piece
from infill_model.denoising.draft import PolicyStep, lowest
from infill_model.denoising.policies import Policies, unmask_policy
from infill_model.denoising.remask import EditPolicy, Keep, RemaskPolicy
from infill_model.denoising.stop import Limits
from infill_model.denoising.unmask import UnmaskPolicy
from infill_model.files.id_map import on_canvas
from infill_model.infill.job import Job, JobProgress
from infill_model.request import Options
from infill_model.transformer.sequence import CacheMode, SequenceDenoiser
from infill_model.vocabulary import MASK, MIDDLE, RESERVED, Vocabulary

reference = cache(Reference.of)


@dataclass(frozen=True)
class LeftToRight:
    """Unmasks one mask after another."""

    may_wait: ClassVar[bool] = False

    def __call__(self, step: PolicyStep) -> Tensor:
        places = torch.arange(step.masked.shape[1]).float().expand_as(step.masked)
        return lowest(places, step.masked, torch.ones(len(step.masked), 1, dtype=torch.int64))


def blocks_written(
    it: Reference,
    prompt: Sequence[int],
    policy: UnmaskPolicy,
    width: int,
    most: int,
    nothing: Vocabulary,
    remask: RemaskPolicy | None = None,
) -> tuple[list[int], int]:
    known = plain(it, it.cases["special_ids"]["mask_token_id"])
    denoiser = SequenceDenoiser(known.network, known.id_map, shifted=False, block=width)
    job = Job(on_canvas(prompt), [])
    run = FillRun(denoiser, nothing, Options(), Limits(steps=256))
    run.policies = Policies(unmask=policy, remask=remask or Keep())
    (now,) = write_blocks(run, [job], width, most, line=False)
    return [one.id - RESERVED for one in now.done], run.forwards


@needs_parity
@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("low_confidence_static", unmask_policy("threshold:1")),
        ("low_confidence_dynamic", unmask_policy("threshold:0.3")),
        ("sequential", LeftToRight()),
        ("static_2_steps", Schedule([[2], [2]], confidence)),
    ],
)
def test_sdar(name: str, policy: UnmaskPolicy, no_text: Vocabulary) -> None:
    it = reference("sdar")
    case = it.decode(name)
    (prompt,) = case["input_ids"]
    written, forwards = blocks_written(it, prompt, policy, 4, case["params"]["gen_length"], no_text)
    assert [*prompt, *written] == case["expected"][0]
    assert forwards == case["forward_store_kv"].count(False)  # Storing a finished block takes the reference one more.


@needs_parity
@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("llada2_threshold", "threshold:0.5"),
        ("llada21_no_edit", "threshold:0.5"),
    ],
)
def test_llada2(name: str, policy: str, no_text: Vocabulary) -> None:
    it = reference("llada2")
    case = it.decode(name)
    (prompt,) = case["input_ids"]
    width, most = case["params"]["block_length"], case["params"]["gen_length"]
    written, _ = blocks_written(it, prompt, unmask_policy(policy), width, most, no_text)
    assert written[:most] == case["expected_new_tokens"][0]


@needs_parity
def test_llada2_as_many_at_a_time_as_its_schedule_says(no_text: Vocabulary) -> None:
    it = reference("llada2")
    case = it.decode("llada2_one_at_a_time")
    schedule = Schedule([*counts(case["forward_inputs"], 503), [1]], confidence)
    written, forwards = blocks_written(it, case["input_ids"][0], schedule, 32, 24, no_text)
    assert written == case["expected_new_tokens"][0]
    assert forwards == case["forwards"]


@needs_parity
def test_llada21_overwrites_what_it_committed(no_text: Vocabulary) -> None:
    it = reference("llada2")
    case = it.decode("llada21_threshold_and_edit")
    edits = EditPolicy(case["params"]["editing_threshold"], case["params"]["max_post_steps"])
    threshold = unmask_policy("threshold:0.5")
    written, _ = blocks_written(it, case["input_ids"][0], threshold, 16, 22, no_text, edits)
    assert written == case["expected_new_tokens"][0]


@needs_parity
@pytest.mark.parametrize(
    "name",
    ["prompt_10_one_at_a_time", "prompt_40_threshold", "prompt_10_threshold_small_block_32"],
)
def test_fast_dllm_v2(name: str, no_text: Vocabulary) -> None:
    """Its small blocks within a block are canvases with masks as right context; a block's first token is greedy."""
    it = reference("fast-dllm-v2")
    case = it.decode(name)
    (prompt,) = case["input_ids"]
    small, width = case["params"]["small_block_size"], 32
    run = FillRun(
        plain(it, 505), no_text, Options(unmask=f"threshold:{case['params']['threshold']}"), Limits(steps=256)
    )
    row = [int(i) for i in on_canvas(prompt)]
    while len(row) < len(case["expected"][0]) - 1:
        end = len(row) // width * width + width
        if len(row) % width == 0:
            first = Job(row, [Piece([MASK], pinned=False)])
            (now,) = run.once([JobProgress(first)])
            row = [*row, now.row[0].id]
        while len(row) < end:
            stop = len(row) // small * small + small
            job = Job([*row, MIDDLE, *[MASK] * (end - stop)], [Piece([MASK] * (stop - len(row)), pinned=False)])
            (now,) = run.once([JobProgress(job)])
            row += [one.id for one in now.row]
    assert [i - RESERVED for i in row] == case["expected"][0][:-1]


@needs_parity
def test_fast_dllm_v2_within_a_block_on_top_of_what_its_first_forward_left(no_text: Vocabulary) -> None:
    """Full attention in one block. The reference caches for its first small block only; later ones run everything."""
    it = reference("fast-dllm-v2")
    case = it.decode("prompt_10_threshold_block_cache")
    known = plain(it, 505)
    row = on_canvas(case["input_ids"][0])
    forwards = 0
    for start in range(8, 32, 8):
        reuse = CacheMode.DUAL if start == 8 else CacheMode.NONE
        denoiser = SequenceDenoiser(known.network, known.id_map, shifted=True, block=None, reuse=reuse)
        run = FillRun(denoiser, no_text, Options(unmask="threshold:0.6"), Limits(steps=256))
        pinned = row[start:]
        masks = [MASK] * (start + 8 - len(row))
        job = Job([*row[:start], MIDDLE, *[MASK] * (24 - start)], [Piece(pinned, True), Piece(masks, False)])
        (now,) = run.once([JobProgress(job)])
        row = [*row[:start], *(one.id for one in now.row)]
        forwards += run.forwards
    assert [i - RESERVED for i in row] == case["expected"][0][:-1]
    assert forwards == case["forwards"] - 1  # The reference runs the finished block once more, to store it.
