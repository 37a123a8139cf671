"""The facade over the checkpoints of the references' own code, with a self-made tokenizer."""

import json
import shutil
from pathlib import Path

import pytest
from parity import PARITY, needs_parity
from tiny import tokenizer

from infill_model.catalogue.catalogue import ENTRIES
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.denoising.stop import Limits, Stable
from infill_model.denoising.unmask import EntropyBound
from infill_model.families.registry import FAMILIES
from infill_model.request import Options, Request

LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
FOLDERS = ["dream", "dreamon", "open_dcoder", "llada", "sdar", "fast_dllm_v2", "llada2", "diffusion_gemma"]


def test_every_family_is_tried() -> None:
    verified = {it.family for it in ENTRIES if it.verified != "no"}
    assert {it.replace("_", "-") for it in FOLDERS} == verified
    assert verified <= {it.name for it in FAMILIES}


def loaded(name: str, place: Path) -> OpenInfiller:
    if name == "diffusion_gemma":
        pytest.importorskip("transformers.models.diffusion_gemma", reason="this transformers has no such model")
    folder = place / name
    shutil.copytree(PARITY / name, folder, ignore=shutil.ignore_patterns("cases.*"))
    tokenizer(("<|endoftext|>",)).save(str(folder / "tokenizer.json"))
    if name == "llada2":
        (folder / "added_tokens.json").write_text(json.dumps({"<|mask|>": 503}))
    return OpenInfiller.load(folder, device="cpu")


@needs_parity
def test_diffusion_gemma_samples_as_its_reference_does_whatever_the_options_say(tmp_path: Path) -> None:
    model = loaded("diffusion_gemma", tmp_path)
    policies = model._run(Options(unmask="threshold:0.9", stop="complete"), Limits(48)).policies
    assert (policies.unmask, policies.stop) == (EntropyBound(0.1), Stable(1, 0.005))
    own = model.fill(LINE, Options(n=3))
    assert [it.texts for it in own] == [it.texts for it in model.fill(LINE, Options(n=3, unmask="threshold:0.1"))]
    assert any(it.stopped == "stable" or it.steps > 1 for it in own)


@needs_parity
@pytest.mark.parametrize("name", FOLDERS)
def test_it_fills(name: str, tmp_path: Path) -> None:
    model = loaded(name, tmp_path)
    for options in (Options(), Options(n=2, unmask="entropy_bound:0.1", stop="stable")):
        fills = model.fill(LINE, options)
        assert fills
        for fill in fills:
            assert fill.stopped in ("complete", "stable")
            assert "\n" not in fill.texts[0]
            assert fill.tokens
            assert 0 < fill.confidence <= 1
