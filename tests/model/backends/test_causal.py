"""A causal model of noise in transformers, filled in the middle."""

import json
from pathlib import Path

import pytest
import torch
from tiny import tokenizer

from infill_model.backends.causal import MARKS, CausalInfiller
from infill_model.backends.loading import load
from infill_model.errors import WeightsError
from infill_model.request import Frame, Options, Request
from infill_model.vocabulary import RESERVED

transformers = pytest.importorskip("transformers")
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


def test_a_causal_model_without_marks_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    values = json.loads((tmp_path / "tokenizer.json").read_text())
    values["added_tokens"] = values["added_tokens"][:1]
    (tmp_path / "tokenizer.json").write_text(json.dumps(values))
    with pytest.raises(WeightsError, match="no marks for filling in the middle"):
        CausalInfiller.load(tmp_path, device="cpu")
    with pytest.raises(WeightsError, match="no backend knows its model_type 'qwen2'"):
        load(tmp_path, device="cpu")
