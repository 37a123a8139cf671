"""Drafts of one model, verified or ranked by a causal one; both have random weights."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny import checkpoint, tokenizer

from infill_lsp.cli import main
from infill_model.checkpoints.causal import MARKS, CausalInfiller
from infill_model.checkpoints.loading import load, load_verified
from infill_model.checkpoints.speculative import DRAFTS, RANKED, VerifiedInfiller
from infill_model.errors import WeightsError
from infill_model.filler import Filler, never
from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic, Timing
from infill_model.vocabulary import RESERVED

transformers = pytest.importorskip("transformers")
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
BLOCK = replace(LINE, block=True)


def causal(place: Path, seed: int = 0) -> Path:
    config = transformers.Qwen2Config(
        vocab_size=272, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        intermediate_size=48, bos_token_id=256, eos_token_id=256, initializer_range=0.3,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = transformers.Qwen2ForCausalLM(config)
    with torch.no_grad():
        model.lm_head.weight[94:256] = 0  # It writes only visible characters, so its bytes are text.
    model.save_pretrained(place)
    tokenizer(("<|endoftext|>", *MARKS[0])).save(str(place / "tokenizer.json"))
    return place


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> CausalInfiller:
    return CausalInfiller.load(causal(tmp_path_factory.mktemp("causal") / "it"), device="cpu")


class Told(Filler):
    """Returns scripted drafts; each draft costs five forwards."""

    def __init__(self, drafts: Callable[[Request], list[str]]) -> None:
        self.drafts, self.asked, self.options = drafts, 0, Options()

    @property
    def info(self) -> Info:
        return Info("told", 7, ("python",), "cpu", "float32", 1, 100, 0)

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: Callable[[Frame], None] | None = None,
    ) -> list[Fill]:
        self.asked, self.options = self.asked + 1, options
        drafts = self.drafts(request)[: options.n]
        return [Fill((it,), (), 0.5, None, 5, 5, Timing(0, 1, 1), "complete") for it in drafts]


@pytest.mark.parametrize("request_", [LINE, BLOCK], ids=["line", "block"])
@pytest.mark.parametrize("drafter", ["dream", "sdar", "embedded"])
def test_checked_it_is_what_the_causal_model_writes_alone(
    drafter: str, request_: Request, verifier: CausalInfiller, tmp_path: Path
) -> None:
    alone = verifier.fill(request_, Options())[0]
    model = load("embedded" if drafter == "embedded" else checkpoint(tmp_path / drafter, drafter), device="cpu")
    (checked,) = VerifiedInfiller(model, verifier).fill(request_, Options(steps=4))
    assert checked.texts == alone.texts
    assert [it.text for it in checked.tokens] == [it.text for it in alone.tokens]
    assert [it.confidence for it in checked.tokens] == pytest.approx([it.confidence for it in alone.tokens], abs=1e-4)
    assert checked.stopped == alone.stopped


def test_a_right_draft_takes_one_forward(verifier: CausalInfiller) -> None:
    alone = verifier.fill(BLOCK, Options())[0]
    drafter = Told(lambda _: [alone.texts[0]])
    (checked,) = VerifiedInfiller(drafter, verifier).fill(BLOCK, Options())
    assert alone.forwards > 8
    assert (checked.texts, checked.steps, checked.forwards) == (alone.texts, 1, 1 + 5)


@pytest.mark.parametrize("wrong", [0, 3, 7])
def test_a_wrong_token_costs_one_more_forward_and_a_draft(verifier: CausalInfiller, wrong: int) -> None:
    alone = verifier.fill(BLOCK, Options())[0]
    text = alone.texts[0]
    start = sum(len(it.text) for it in alone.tokens[:wrong])

    def drafts(request: Request) -> list[str]:
        rest = text[len(request.prefix) - len(BLOCK.prefix) :]
        return [rest if request.prefix != BLOCK.prefix else f"{text[:start]}\x01{text[start + 1 :]}"]

    drafter = Told(drafts)
    (checked,) = VerifiedInfiller(drafter, verifier).fill(BLOCK, Options())
    assert checked.texts == alone.texts
    assert checked.steps == 2
    assert drafter.asked == 2
    assert checked.forwards == 2 + 2 * 5


def test_after_some_wrong_drafts_it_goes_on_alone(verifier: CausalInfiller) -> None:
    alone = verifier.fill(BLOCK, Options())[0]
    drafter = Told(lambda _: ["\x01\x02\x03"])
    (checked,) = VerifiedInfiller(drafter, verifier).fill(BLOCK, Options())
    assert checked.texts == alone.texts
    assert drafter.asked == DRAFTS
    assert checked.forwards == alone.forwards + DRAFTS * 5


def test_one_draft_is_asked_for_in_half_of_the_time(verifier: CausalInfiller) -> None:
    drafter = Told(lambda _: ["x"])
    VerifiedInfiller(drafter, verifier).fill(LINE, Options(n=2, budget_ms=60_000, start=("old",), trace=True))
    assert drafter.options == Options(n=1, budget_ms=30_000, start=None, trace=False)


def test_an_empty_draft_is_no_harm_and_others_are_the_causal_models_samples(verifier: CausalInfiller) -> None:
    options = Options(n=3, temperature=1.0)
    alone = verifier.fill(LINE, options)
    checked = VerifiedInfiller(Told(lambda _: [""]), verifier).fill(LINE, options)
    assert [it.texts for it in checked] == [it.texts for it in alone]
    assert len(checked) > 1


def test_several_gaps_cancellation_and_frames(verifier: CausalInfiller, tmp_path: Path) -> None:
    model = VerifiedInfiller(load(checkpoint(tmp_path / "it", "dream"), device="cpu"), verifier)
    two = Request("f(", ")", between=(", ",))
    assert model.fill(two, Options())[0].texts == verifier.fill(two, Options())[0].texts
    (none,) = model.fill(LINE, Options(), cancelled=lambda: True)
    assert (none.stopped, none.texts) == ("cancelled", ("",))
    frames: list[Frame] = []
    (fill,) = model.fill(LINE, Options(), on_draft=frames.append)
    assert "".join(it.text for it in frames[-1].tokens) == fill.texts[0]


def test_the_likelihood_is_that_of_each_token_and_of_the_end(verifier: CausalInfiller) -> None:
    text = "a + b"
    ids = [it - RESERVED for it in verifier.vocabulary.encode(text)]
    row = [it - RESERVED for it in verifier._laid_out(LINE)]
    with torch.no_grad():
        chances = verifier._model(input_ids=torch.tensor([[*row, *ids]])).logits[0].log_softmax(1)
    expected = sum(float(chances[len(row) - 1 + n, it]) for n, it in enumerate(ids))
    ends = [it - RESERVED for it in verifier.marks.ends]
    expected += float(chances[-1, ends].logsumexp(0))
    assert verifier.likelihood(LINE, text) == pytest.approx(expected, abs=1e-3)


def test_ranked_the_likeliest_draft_comes_first(verifier: CausalInfiller) -> None:
    drafts = ["a + b", "b", "a - b * c", "x"]
    found = {it: verifier.likelihood(LINE, it) for it in drafts}
    (best,) = VerifiedInfiller(Told(lambda _: drafts), verifier, "rank").fill(LINE, Options())
    assert best.texts[0] == max(drafts, key=lambda it: found[it])
    assert best.score == pytest.approx(max(found.values()), abs=1e-3)
    assert best.forwards == 5 + RANKED
    three = VerifiedInfiller(Told(lambda _: drafts), verifier, "rank").fill(LINE, Options(n=3))
    assert [it.score for it in three] == sorted((it.score for it in three if it.score), reverse=True)


def test_ranked_fills_of_several_gaps_are_judged_with_the_others_in_place(
    verifier: CausalInfiller, tmp_path: Path
) -> None:
    model = VerifiedInfiller(load(checkpoint(tmp_path / "it", "dream"), device="cpu"), verifier, "rank")
    (fill,) = model.fill(Request("f(", ")", between=(", ",)), Options())
    first = verifier.likelihood(Request("f(", f", {fill.texts[1]})"), fill.texts[0])
    second = verifier.likelihood(Request(f"f({fill.texts[0]}, ", ")"), fill.texts[1])
    assert fill.score == pytest.approx(first + second, abs=1e-3)


def test_it_is_loaded_from_two_folders_and_says_so(tmp_path: Path) -> None:
    drafter, checks = checkpoint(tmp_path / "drafts", "dream"), causal(tmp_path / "checks")
    model = load_verified(drafter, checks, device="cpu")
    assert model.info.name == "drafts, checked by checks"
    assert model.info.parameters > load(drafter, device="cpu").info.parameters
    assert load_verified(drafter, checks, "rank", device="cpu").info.name == "drafts, ranked by checks"
    with pytest.raises(WeightsError, match=r"it is not a causal model .* cannot check drafts; give one such as"):
        load_verified(checks, drafter, device="cpu")


def test_fill_verifies_on_the_command_line(
    verifier: CausalInfiller, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "app.py"
    file.write_text(LINE.prefix + LINE.suffix)
    drafter, checks = checkpoint(tmp_path / "drafts", "dream"), causal(tmp_path / "checks")
    place = [f"{file}:2:12", "--model", str(drafter), "--verify", str(checks), "--device", "cpu", "--threads", "1"]
    assert main.main(["fill", *place, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["texts"] == list(verifier.fill(LINE, Options())[0].texts)
    assert main.main(["fill", *place, "--verify-by", "rank", "--json"]) == 0
    ranked = json.loads(capsys.readouterr().out)
    assert ranked["score"] < 0
    assert main.main(["fill", *place[:-4], "--verify", str(drafter)]) != 0
    assert "it is not a causal model" in capsys.readouterr().err
