"""The facade over self-made checkpoints, for every way to find a length."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny import CONFIGS, checkpoint

from infill_lsp.cli import main
from infill_lsp.syntax import languages
from infill_model.checkpoints.infiller import (
    BLOCK_LENGTHS,
    LANGUAGES,
    LINE_LENGTHS,
    LONGEST,
    LONGEST_BLOCK,
    OpenInfiller,
)
from infill_model.checkpoints.loading import load
from infill_model.denoising.policies import PolicyError
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.infill.infiller import Infiller
from infill_model.request import Frame, Options, Request
from infill_model.transformer.sequence import CacheMode
from infill_model.transformer.transformer import Transformer

LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
BLOCK = replace(LINE, block=True)
TWO = Request("x = f(", ")\n", between=(", ",))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, OpenInfiller]:
    place = tmp_path_factory.mktemp("checkpoints")
    return {it: OpenInfiller.load(checkpoint(place / it, it), device="cpu") for it in CONFIGS}


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("request_", [LINE, BLOCK, TWO], ids=["line", "block", "two gaps"])
def test_a_fill_is_text_with_its_tokens(loaded: dict[str, OpenInfiller], family: str, request_: Request) -> None:
    (fill,) = loaded[family].fill(request_, Options())
    assert len(fill.texts) == len(request_.between) + 1
    assert fill.stopped == "complete"
    assert fill.forwards >= 1
    assert 0 <= fill.confidence <= 1, "of random weights it may be too small for a number"
    whole = "".join(token.text for token in fill.tokens)
    assert whole == "".join(a + b for a, b in zip(fill.texts, [*request_.between, ""], strict=True))
    most = (LONGEST_BLOCK if request_.block else LONGEST) * len(fill.texts) + 8
    assert len(fill.tokens) <= most


@pytest.mark.parametrize("family", CONFIGS)
def test_a_gap_in_a_line_gets_no_line_break(loaded: dict[str, OpenInfiller], family: str) -> None:
    for seed in range(4):
        (fill,) = loaded[family].fill(LINE, Options(seed=seed))
        assert "\n" not in fill.texts[0]
        assert all("\n" not in token.text for token in fill.tokens)


@pytest.mark.parametrize("family", CONFIGS)
def test_words_that_look_special_are_words(loaded: dict[str, OpenInfiller], family: str) -> None:
    vocabulary = loaded[family].vocabulary
    text = "mask = '<|mask|>'  # <|endoftext|> é 漢"
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text
    assert vocabulary.special_id("<|mask|>") not in ids
    assert "".join(vocabulary.pieces(ids)) == text


def test_several_fills_are_different_and_the_surest_comes_first(loaded: dict[str, OpenInfiller]) -> None:
    model = loaded["dream"]
    fills = model.fill(LINE, Options(n=3))
    assert len({it.texts for it in fills}) == len(fills) == 3
    each = [model._candidate(it, LINE) for it in model._filled(model._run(Options(n=3), Limits(64)), LINE)]
    sure = {it.fill.texts: it.per_token for it in each}
    assert [sure[it.texts] for it in fills] == sorted(sure.values(), reverse=True)[:3]


def test_a_model_without_length_control_tries_several(loaded: dict[str, OpenInfiller]) -> None:
    widths = set()
    model = loaded["dream"]
    for request, lengths in ((LINE, LINE_LENGTHS), (BLOCK, BLOCK_LENGTHS)):
        for fill in model.fill(request, Options(n=3, temperature=0.0)):
            widths.add(len([it for it in fill.tokens if not it.pinned]))
        assert max(widths) <= max(lengths)
    assert len(widths) > 1


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("request_", [LINE, BLOCK], ids=["line", "block"])
def test_candidates_go_in_one_forward(
    loaded: dict[str, OpenInfiller], monkeypatch: pytest.MonkeyPatch, family: str, request_: Request
) -> None:
    """Each step is one forward for any number of candidates, and no candidate affects the others."""
    model = loaded[family]
    rows: list[int] = []
    network = model.denoiser.network
    forward = type(network).forward

    def counted(self: Transformer, ids: torch.Tensor, *rest: Any, **named: Any) -> Any:
        rows.append(len(ids))
        return forward(self, ids, *rest, **named)

    monkeypatch.setattr(type(network), "forward", counted)
    fills = model.fill(request_, Options(n=3, temperature=1.0))
    assert max(rows) >= 3
    assert len({it.texts for it in fills}) == 3
    assert fills[0].forwards < sum(it.steps for it in fills), "one after the other they would take as many"
    if model.family.lengths != "lengths":  # There, other lengths are candidates, too.
        (greedy,) = model.fill(request_, Options())
        assert greedy.texts in {it.texts for it in fills}


@pytest.mark.parametrize("family", CONFIGS)
def test_the_same_request_gives_the_same_fill(loaded: dict[str, OpenInfiller], family: str) -> None:
    first, again = (loaded[family].fill(LINE, Options(n=2)) for _ in range(2))
    assert [it.texts for it in first] == [it.texts for it in again]


@pytest.mark.parametrize("family", CONFIGS)
def test_cancelled_at_once_it_ends_at_once(loaded: dict[str, OpenInfiller], family: str) -> None:
    fills = loaded[family].fill(BLOCK, Options(), cancelled=lambda: True)
    assert all(it.stopped == "cancelled" for it in fills)
    assert fills[0].forwards == 0


@pytest.mark.parametrize("family", CONFIGS)
def test_steps_bound_a_fill(loaded: dict[str, OpenInfiller], family: str) -> None:
    (fill,) = loaded[family].fill(LINE, Options(steps=2, unmask="top_k"))
    assert fill.steps <= 2 or family in ("sdar", "fast-dllm-v2")  # There, a block may take as many.
    assert fill.texts


@pytest.mark.parametrize("family", CONFIGS)
def test_a_critic_is_asked_and_drafts_are_shown(loaded: dict[str, OpenInfiller], family: str) -> None:
    seen: list[Frame] = []
    asked: list[list[str]] = []

    def critic(texts: object) -> list[list[tuple[int, int]]]:
        asked.append(list(texts))  # type: ignore[call-overload]
        return [[] for _ in asked[-1]]

    (fill,) = loaded[family].fill(LINE, Options(trace=True), critic=critic, on_draft=seen.append)
    assert asked
    assert seen
    assert fill.trace


def test_a_policy_that_is_not_there_is_said(loaded: dict[str, OpenInfiller]) -> None:
    with pytest.raises(PolicyError, match="unknown unmask policy 'magic'"):
        loaded["dream"].fill(LINE, Options(unmask="magic"))


def test_each_policy_of_shadows_works(loaded: dict[str, OpenInfiller]) -> None:
    for family in ("dream", "sdar"):
        (fill,) = loaded[family].fill(LINE, Options(unmask="threshold:0.2", remask="revoke:0.5"))
        assert fill.texts


def test_a_folder_is_loaded_as_what_it_says_it_is(tmp_path: Path) -> None:
    assert isinstance(load("embedded", device="cpu"), Infiller)
    assert isinstance(load(checkpoint(tmp_path / "dream", "dream"), device="cpu"), OpenInfiller)
    with pytest.raises(WeightsError, match="no such model folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="`infill-lsp models use someone/nothing`"):
        load("someone/nothing")


def test_info_names_the_folder_and_the_size(loaded: dict[str, OpenInfiller]) -> None:
    info = loaded["dream"].info
    assert info.name == "dream"
    assert info.parameters > 10_000
    assert info.dtype == "float32"
    assert "python" in info.languages


def test_dtype_is_what_was_asked_for(tmp_path: Path) -> None:
    model = OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu", dtype="bfloat16")
    assert next(model.denoiser.network.parameters()).dtype == torch.bfloat16
    assert model.fill(LINE, Options())[0].texts
    with pytest.raises(WeightsError, match="not in int3"):
        OpenInfiller.load(tmp_path / "it", device="cpu", dtype="int3")


def test_it_is_not_choosy_about_languages() -> None:
    assert {it.id for it in languages.LANGUAGES} <= set(LANGUAGES)


def test_reuse_is_off_unless_asked_for(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "it", "dream")
    plain, saving = (OpenInfiller.load(folder, device="cpu", reuse=it) for it in (CacheMode.NONE, CacheMode.DUAL))
    assert (
        OpenInfiller.load(folder, device="cpu").fill(LINE, Options())[0].texts == plain.fill(LINE, Options())[0].texts
    )
    assert saving.fill(LINE, Options(n=3))[0].stopped == "complete"


def test_reuse_can_be_chosen_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = checkpoint(tmp_path / "it", "dream"), tmp_path / "app.py"
    file.write_text(LINE.prefix + LINE.suffix)
    written = {}
    for flags in ([], ["--reuse", "none"], ["--reuse", "dual", "--compile", "auto"]):
        place = [f"{file}:2:12", "--model", str(folder), "--device", "cpu", "--threads", "1", "--json"]
        assert main.main(["fill", *place, *flags]) == 0
        written["".join(flags)] = json.loads(capsys.readouterr().out)["texts"]
    assert written[""] == written["--reusenone"] != written["--reusedual--compileauto"]
