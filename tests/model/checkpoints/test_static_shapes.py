"""Forwards with a few static shapes: padding changes no logits, compiled or not; a CPU shows no speed-up."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from parity import PARITY, TOLERANCE, needs_parity
from tiny import checkpoint, tokenizer

from infill_lsp.engine.process import worker_command
from infill_lsp.settings.settings import EngineSettings, ServerSettings, read
from infill_model.checkpoints.infiller import OpenInfiller
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.request import Fill, Options, Request
from infill_model.transformer.sequence import CacheMode, SequenceDenoiser
from infill_model.transformer.static_shapes import LENGTHS, MOST_ROWS, Forward, StaticShapes
from infill_model.vocabulary import LINE as NO_BREAK
from infill_model.vocabulary import MASK, MIDDLE, RESERVED

FAMILIES = ["dream", "dreamon", "open_dcoder", "llada"]
LINE = Request("def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")
LONG = Request("x = 1\n" * 40 + "def add(a, b):\n    return ", "\n\nprint(add(1, 2))\n")


def as_it_is(forward: Forward) -> Forward:
    return forward


def by(backend: str | Callable[..., Any]) -> Callable[[Forward], Forward]:
    def compiled(forward: Forward) -> Forward:
        torch.compiler.reset()
        made: Forward = torch.compile(forward, backend=backend, dynamic=False)
        return made

    return compiled


def reference(name: str, place: Path) -> OpenInfiller:
    """Return the checkpoint of a family's own code, with a tokenizer beside its weights."""
    folder = place / name
    shutil.copytree(PARITY / name, folder, ignore=shutil.ignore_patterns("cases.*"))
    tokenizer(("<|endoftext|>",)).save(str(folder / "tokenizer.json"))
    return OpenInfiller.load(folder, device="cpu", compiled=True)


def denoiser(model: OpenInfiller) -> SequenceDenoiser:
    assert isinstance(model.denoiser, SequenceDenoiser)
    return model.denoiser


def told(fills: list[Fill]) -> list[tuple[tuple[str, ...], list[str], int]]:
    return [(it.texts, [token.text for token in it.tokens], it.forwards) for it in fills]


@needs_parity
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("reuse", CacheMode)
@torch.no_grad()
def test_padded_to_a_length_of_the_few_the_logits_are_the_same(name: str, reuse: CacheMode, tmp_path: Path) -> None:
    it = denoiser(reference(name, tmp_path))
    it.reuse = reuse
    left = [RESERVED + n % 90 + 5 for n in range(70)]
    context = [*left, MIDDLE, *left[:11], NO_BREAK]
    canvas = Canvas.of([[Piece([MASK] * n, False), Piece([40 + RESERVED], True)] for n in (4, 8, 16)])
    usual, padded = it.encode([context] * 3), it.encode([context] * 3)
    expected = [it.logits(usual, canvas, canvas.masked) for _ in range(2)]
    it.static = StaticShapes(it.network, as_it_is)
    found = [it.logits(padded, canvas, canvas.masked) for _ in range(2)]
    assert it.static.shapes == {(3, 128)}
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.isfinite(), other.isfinite())
        assert (one - other)[other.isfinite()].abs().max() <= TOLERANCE


@needs_parity
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", FAMILIES)
def test_compiled_the_decodes_are_the_same_token_for_token(name: str, backend: str, tmp_path: Path) -> None:
    model = reference(name, tmp_path)
    asked = [(LINE, Options()), (LONG, Options(n=2, unmask="entropy_bound:0.1", stop="stable"))]
    expected = [told(model.fill(*it)) for it in asked]
    static = denoiser(model).static = StaticShapes(denoiser(model).network, by(backend))
    assert [told(model.fill(*it)) for it in asked] == expected
    assert static.shapes
    assert not static.failed
    assert model.info.dtype == "float32, compiled"


def test_fills_of_many_lengths_are_compiled_for_few_shapes(tmp_path: Path) -> None:
    copied: list[int] = []

    def counted(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        taken = [it.meta["tensor_dict"] for it in graph.graph.nodes if it.op == "placeholder"]
        copied.append(sum("_dynamo_static_input_type" not in it for it in taken))
        return graph.forward

    model = OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu")
    static = denoiser(model).static = StaticShapes(denoiser(model).network, by(counted))
    for letters in range(1, 600, 23):
        model.fill(Request("x" * letters, "\n"), Options(steps=2))
    assert static.shapes == {(3, it) for it in LENGTHS if it <= 768}
    assert len(copied) == len(static.shapes), "each is compiled once, as a whole"
    assert set(copied) == {2}, "ids and padding are new in each call; a recorded graph reads the weights where they lie"


def test_what_is_wider_or_longer_than_any_shape_runs_as_it_comes(tmp_path: Path) -> None:
    it = denoiser(OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu"))
    static = StaticShapes(it.network, as_it_is)
    for rows, length in ((MOST_ROWS + 1, 10), (1, LENGTHS[-1] + 1)):
        assert static(torch.zeros(rows, length, dtype=torch.int64), torch.ones(rows, length, dtype=torch.bool)) is None
    static.prepare(2, 100)
    assert static.shapes == {(2, 128)}


def test_what_cannot_be_compiled_is_said_once_and_runs_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    def broken(*_: object) -> Callable[..., Any]:
        tries.append(1)
        raise RuntimeError("no Triton\nand a page of where it is not")

    model = OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu")
    expected = told(model.fill(LINE, Options()))
    denoiser(model).static = StaticShapes(denoiser(model).network, by(broken))
    with caplog.at_level(logging.WARNING):
        assert told(model.fill(LINE, Options())) == expected
        assert told(model.fill(LINE, Options())) == expected
    assert len(tries) == 1
    (said,) = [it.getMessage() for it in caplog.records if it.name.startswith("infill_model")]
    assert said.startswith("torch.compile does not work here (")
    assert said.endswith("fills are not compiled")
    assert "\n" not in said
    assert "no Triton" in said
    assert model.info.dtype.startswith("float32, not compiled (")
    assert "no Triton" in model.info.dtype


def test_the_settings_reach_the_engine_and_a_cpu_is_left_alone(tmp_path: Path) -> None:
    settings, complaints = read({"compile": "auto", "reuse": "dual"}, ServerSettings(), ServerSettings())
    assert not complaints
    told = [EngineSettings.from_json(worker_command(it.engine)[-1]) for it in (settings, ServerSettings())]
    assert [it.compile for it in told] == ["auto", "off"]
    assert [it.reuse for it in told] == ["dual", "none"]
    model = OpenInfiller.load(checkpoint(tmp_path / "it", "dream"), device="cpu", compiled=True)
    assert denoiser(model).static is None
