"""Fill-in-the-middle with a causal transformers model of random weights."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import tokenizer

from infill_model.checkpoints.causal import MARKS, CausalInfiller, _Chooser
from infill_model.checkpoints.infiller import LONGEST, LONGEST_BLOCK, cut_at_line
from infill_model.checkpoints.loading import load
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.request import Fill, Frame, Options, Request
from infill_model.vocabulary import RESERVED

transformers = pytest.importorskip("transformers")
DynamicCache = transformers.DynamicCache
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")


@pytest.fixture(scope="module", params=range(len(MARKS)), ids=["qwen", "starcoder", "deepseek"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("causal") / "noise"
    config = transformers.Qwen2Config(
        vocab_size=272, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, bos_token_id=256, eos_token_id=256,
    )  # fmt: skip
    torch.manual_seed(0)
    transformers.Qwen2ForCausalLM(config).save_pretrained(place)
    tokenizer(("<|endoftext|>", *MARKS[request.param])).save(str(place / "tokenizer.json"))
    return place


def test_it_fills_a_line_greedily(folder: Path) -> None:
    model = load(folder, device="cpu")
    assert isinstance(model, CausalInfiller)
    frames: list[Frame] = []
    (fill,) = model.fill(LINE, Options(), on_draft=frames.append)
    assert "\n" not in fill.texts[0]
    assert fill.forwards == len(frames) + (fill.stopped == "complete" and frames[-1].step < fill.steps)
    assert "".join(it.text for it in fill.tokens) == fill.texts[0]
    assert 0 < fill.confidence <= 1


def test_the_kept_keys_and_values_change_nothing(folder: Path) -> None:
    kept, fresh = load(folder, device="cpu"), load(folder, device="cpu")
    assert isinstance(kept, CausalInfiller)
    assert isinstance(fresh, CausalInfiller)
    rows = [[*range(20, 40)], [*range(20, 35), 90], [*range(20, 35), 90, 91], [*range(20, 35)], [99]]
    for row in rows:
        ids = [it + RESERVED for it in row]
        with torch.no_grad():
            reused = kept._next(ids)[0]
            plain = fresh._model(input_ids=torch.tensor([row])).logits[0, -1]
        assert (reused - plain).abs().max() < 1e-4


def test_several_fills_and_gaps_and_cancellation(folder: Path) -> None:
    model = load(folder, device="cpu")
    fills = model.fill(LINE, Options(n=3, temperature=1.0))
    assert len({it.texts for it in fills}) == len(fills) > 1
    (two,) = model.fill(Request("f(", ")", between=(", ",)), Options())
    assert len(two.texts) == 2
    (none,) = model.fill(LINE, Options(), cancelled=lambda: True)
    assert none.stopped == "cancelled"
    assert none.texts == ("",)


def one_by_one(model: CausalInfiller, request: Request, options: Options) -> list[Fill]:
    """Return the fills for the same seeds without batching, identical ones included."""
    row, limits = model._laid_out(request), Limits(LONGEST_BLOCK if request.block else LONGEST)
    choosers = [_Chooser(options.temperature if n else 0.0, options.seed + n) for n in range(options.n)]
    fills = [model._written(row, limits, it, None, None, line=not request.block) for it in choosers]
    return [it.progress.fill(model.vocabulary, 1) for it in fills]


def sliding(folder: Path, place: Path) -> Path:
    """Return the same model with a sliding window of 8 tokens."""
    shutil.copytree(folder, place)
    config = json.loads((place / "config.json").read_text())
    window = {"use_sliding_window": True, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"]}
    (place / "config.json").write_text(json.dumps(config | window))
    return place


@pytest.mark.parametrize("window", [False, True], ids=["all", "window"])
@pytest.mark.parametrize("block", [False, True], ids=["line", "block"])
def test_fills_side_by_side_are_those_one_by_one_in_the_forwards_of_the_longest(
    folder: Path, tmp_path: Path, block: bool, window: bool
) -> None:
    model = load(sliding(folder, tmp_path / "it") if window else folder, device="cpu")
    assert isinstance(model, CausalInfiller)
    assert any(DynamicCache(config=model._model.config).is_sliding) == window
    batches: list[int] = []
    model._model.register_forward_pre_hook(
        lambda _, args, named: batches.append(len(named["input_ids"])), with_kwargs=True
    )
    request, options = replace(LINE, block=block), Options(n=4, temperature=0.6, seed=3)
    together, found = model.fill(request, options), list(batches)
    alone = one_by_one(model, request, options)
    expected = {it.texts: it for it in (it if block else cut_at_line(it) for it in reversed(alone))}
    assert {it.texts for it in together} == set(expected)
    assert len(expected) > 1
    for fill in together:
        one = expected[fill.texts]
        assert [it.text for it in fill.tokens] == [it.text for it in one.tokens]
        assert [it.confidence for it in fill.tokens] == pytest.approx([it.confidence for it in one.tokens], abs=1e-5)
    assert len(found) == max(it.steps for it in alone)
    assert sum(found) == sum(it.steps for it in alone) - 3, "all begin with the same row; who has ended is left out"


def test_side_by_side_the_first_is_told_of_and_all_stop_at_once(folder: Path) -> None:
    model = load(folder, device="cpu")
    frames: list[Frame] = []
    first, *_ = model.fill(LINE, Options(n=3, temperature=1.0), on_draft=frames.append)
    assert "".join(it.text for it in frames[-1].tokens).startswith(first.texts[0])
    after: list[Frame] = []
    block, options = replace(LINE, block=True), Options(n=3, temperature=1.0)
    fills = model.fill(block, options, cancelled=lambda: len(after) == 2, on_draft=after.append)
    assert {(it.stopped, len(it.tokens)) for it in fills} == {("cancelled", 2)}


def test_a_causal_model_without_marks_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    values["added_tokens"] = values["added_tokens"][:1]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="no marks for filling in the middle"):
        CausalInfiller.load(tmp_path, device="cpu")
    with pytest.raises(WeightsError, match="no backend supports its model_type 'qwen2'"):
        load(tmp_path, device="cpu")
