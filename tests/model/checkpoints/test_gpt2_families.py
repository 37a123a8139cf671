"""MDLM, BD3-LM and SEDD against a second implementation of the network; there are no fixtures of their own code."""

import json
import math
from dataclasses import replace
from pathlib import Path

import gpt2_reference
import pytest
import torch
from gpt2_reference import CONFIGS, END, MASK, TOKENS
from torch import Tensor

from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.errors import WeightsError
from infill_model.files.id_map import on_canvas
from infill_model.request import Options, Request
from infill_model.vocabulary import DEL, MIDDLE, RESERVED
from infill_model.vocabulary import MASK as CANVAS_MASK

TOLERANCE = 2e-4
LEFT, RIGHT = [9, 40, 41, 42, 7, 99, 3], [50, 51, 52]
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gpt2")


def loaded(folder: Path, family: str) -> tuple[OpenInfiller, gpt2_reference.Weights]:
    weights = gpt2_reference.checkpoint(folder / family, family)
    return OpenInfiller.load(folder / family, device="cpu"), weights


def masked(model: OpenInfiller, left: list[int], right: list[int], holes: int) -> Tensor:
    """Return logits (holes, V) of the loader's denoiser for masks between two stretches of the checkpoint's ids."""
    denoiser = model.denoiser
    context = denoiser.encode([[*on_canvas(left), MIDDLE, *on_canvas(right)]])
    canvas = Canvas.of([[Piece([CANVAS_MASK] * holes, pinned=False)]])
    return denoiser.logits(context, canvas, ~canvas.pinned)


def compared(ours: Tensor, theirs: Tensor) -> None:
    """Compare except for the mask, which is never predicted, and the end, which is `DEL` on a canvas."""
    text = [it for it in range(TOKENS + 1) if it not in (MASK, END)]
    assert (ours[:, [it + RESERVED for it in text]] - theirs[:, text]).abs().max() < TOLERANCE
    assert (ours[:, DEL] - theirs[:, END]).abs().max() < TOLERANCE
    assert torch.isneginf(ours[:, MASK + RESERVED]).all()


def test_mdlm_sees_both_ways_and_no_noise(places: Path) -> None:
    model, weights = loaded(places, "mdlm")
    row = [*LEFT, *[MASK] * 5, *RIGHT]
    everything = torch.ones(len(row), len(row), dtype=torch.bool)
    theirs = gpt2_reference.logits(weights, row, list(range(len(row))), everything, 0.0)
    compared(masked(model, LEFT, RIGHT, 5), theirs[len(LEFT) : len(LEFT) + 5])


def test_bd3lm_from_kept_blocks_is_what_it_was_trained_on(places: Path) -> None:
    """In training, noisy blocks are placed beside clean ones; they attend to themselves and earlier clean ones."""
    model, weights = loaded(places, "bd3lm")
    clean = [*LEFT, 5]  # Two whole blocks; the third is the noisy one.
    noisy = [MASK] * 12
    block = torch.arange(12) // 4
    own, earlier, causal = block[:, None] == block, block[:, None] > block, block[:, None] >= block
    seen = torch.cat([torch.cat([own, earlier], 1), torch.cat([torch.zeros(12, 12, dtype=torch.bool), causal], 1)])
    theirs = gpt2_reference.logits(weights, [*noisy, *clean, 1, 2, 3, 4], list(range(12)) * 2, seen, 0.0)
    for _ in range(2):  # The second time from the cached keys and values.
        compared(masked(model, clean, [], 4), theirs[8:12])


def test_sedd_gives_scores_that_are_told_the_noise(places: Path) -> None:
    model, weights = loaded(places, "sedd")
    for committed, holes in ((0, 4), (1, 3)):
        row = [*LEFT, *[60] * committed, *[MASK] * holes, *RIGHT]
        share = holes / (holes + committed)
        sigma = -math.log(1 - (1 - 1e-3) * share)
        everything = torch.ones(len(row), len(row), dtype=torch.bool)
        out = gpt2_reference.logits(weights, row, list(range(len(row))), everything, sigma)
        scores = out - math.log(math.exp(sigma) - 1) - math.log(TOKENS)
        context = model.denoiser.encode([[*on_canvas(LEFT), MIDDLE, *on_canvas(RIGHT)]])
        ids = [*on_canvas([60] * committed), *[CANVAS_MASK] * holes]
        canvas = Canvas.of([[Piece(ids, pinned=False)]])
        ours = model.denoiser.logits(context, canvas, canvas.masked) - math.log(math.exp(sigma) - 1)
        compared(ours, scores[len(LEFT) + committed : len(LEFT) + committed + holes])


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("block", [False, True], ids=["line", "block"])
def test_it_fills_between_prefix_and_suffix(places: Path, family: str, block: bool) -> None:
    model, _ = loaded(places, family)
    request = replace(LINE, block=block)
    first, again = (model.fill(request, Options(n=2, steps=8)) for _ in range(2))
    assert [it.texts for it in first] == [it.texts for it in again]
    assert first[0].stopped in ("complete", "steps")
    assert "".join(it.text for it in first[0].tokens) == first[0].texts[0]
    assert block or "\n" not in first[0].texts[0]
    assert MASK not in model.vocabulary.encode(first[0].texts[0])


@pytest.mark.parametrize("family", CONFIGS)
def test_it_runs_in_bfloat16(places: Path, family: str) -> None:
    exact, _ = loaded(places, family)
    rounded = OpenInfiller.load(places / family, device="cpu", dtype="bfloat16")
    assert {it.dtype for it in rounded.denoiser.network.parameters()} == {torch.bfloat16}
    wide, narrow = (masked(it, [*LEFT, 5], [], 4)[:, RESERVED + 20 : RESERVED + 250] for it in (exact, rounded))
    assert 0 < (wide - narrow).abs().max() < 0.2 * wide.abs().max()
    assert rounded.fill(LINE, Options(steps=4))[0].texts


@pytest.mark.parametrize("family", CONFIGS)
def test_several_gaps_and_cancellation(places: Path, family: str) -> None:
    model, _ = loaded(places, family)
    (two,) = model.fill(Request("x = f(", ")\n", between=(", ",)), Options(steps=4))
    assert len(two.texts) == 2
    (none,) = model.fill(LINE, Options(), cancelled=lambda: True)
    assert none.stopped == "cancelled"


def test_the_code_around_a_gap_fits_the_rows_they_were_trained_on(places: Path) -> None:
    model, _ = loaded(places, "mdlm")
    assert model.info.context == 640
    context = model.prompt.job(Request("a" * 5000, "b" * 5000), 64).context
    assert len(context) + 64 <= 1024


@pytest.mark.parametrize("family", CONFIGS)
def test_without_gpt2s_tokenizer_it_says_where_to_get_it(places: Path, family: str, tmp_path: Path) -> None:
    gpt2_reference.checkpoint(tmp_path, family)
    (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(WeightsError, match=r"without a tokenizer; put tokenizer\.json of openai-community/gpt2"):
        OpenInfiller.load(tmp_path, device="cpu")


WRONG = {
    "mdlm that is told the noise": ("mdlm", {"time_conditioning": True}, "time_conditioning is True"),
    "bd3lm without earlier blocks": ("bd3lm", {"cross_attn": False}, "cross_attn is False"),
    "uniform noise": ("sedd", {"graph": {"type": "uniform"}}, "type is 'uniform'"),
    "geometric noise": ("sedd", {"noise": {"type": "geometric"}}, "type is 'geometric'"),
    "odd heads": ("mdlm", {"n_heads": 7}, "do not describe a valid network"),
    "another width": ("mdlm", {"hidden_dim": 48}, "do not fit config.json"),
}


@pytest.mark.parametrize(("family", "values", "said"), WRONG.values(), ids=WRONG)
def test_another_variant_is_refused(family: str, values: dict[str, object], said: str, tmp_path: Path) -> None:
    gpt2_reference.checkpoint(tmp_path, family)
    (tmp_path / "config.json").write_text(json.dumps(CONFIGS[family] | values))
    with pytest.raises(WeightsError, match=said):
        OpenInfiller.load(tmp_path, device="cpu")
