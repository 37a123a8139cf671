"""Block diffusion with a small model: widths, what joins the context, and a study from end to end."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.denoiser import EmbeddedDenoiser, EncodedContext
from infill_model.embedded.network import Network, Shape
from infill_model.training.methods import blocks
from infill_model.training.methods.blocks import LONGEST, WIDTHS, in_blocks
from infill_model.vocabulary import DEL, MASK, RESERVED

CANVAS = Canvas.of([[Piece([MASK] * 12, False), Piece([30, 31], True)]])


class Recorded(EmbeddedDenoiser):
    """Keeps the contexts that were encoded."""

    def __init__(self, network: Network) -> None:
        super().__init__(network)
        self.contexts: list[list[int]] = []

    def encode(self, contexts: Sequence[Sequence[int]]) -> EncodedContext:
        self.contexts.append(list(contexts[0]))
        return super().encode(contexts)


@pytest.mark.parametrize("width", WIDTHS)
def test_finished_blocks_join_the_context(network: Network, shape: Shape, width: int) -> None:
    denoiser = Recorded(network)
    filled, forwards = in_blocks(denoiser, shape.context, width)([20, 21, 22], CANVAS)
    ids = filled.ids[0].tolist()
    written = [i for i, hole in zip(ids, filled.hole[0].tolist(), strict=True) if hole == 0]
    assert ids[-2:] == [30, 31]
    assert all(it >= RESERVED or it == DEL for it in written)
    assert len(written) <= LONGEST + width
    assert forwards >= len(denoiser.contexts)
    for number, context in enumerate(denoiser.contexts):
        assert context == [20, 21, 22, *written][: 3 + number * width][-shape.context :]


def test_a_block_that_ends_is_the_last(network: Network, shape: Shape, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(context: EncodedContext, canvas: Canvas, where: torch.Tensor) -> torch.Tensor:
        logits = torch.zeros(int(where.sum()), network.shape.vocabulary)
        logits[:, DEL] = 9.0
        return logits

    denoiser = Recorded(network)
    monkeypatch.setattr(denoiser, "logits", ends)
    filled, _ = in_blocks(denoiser, shape.context, 4)([20, 21, 22], CANVAS)
    assert filled.ids[0].tolist() == [DEL] * 4 + [30, 31]
    assert len(denoiser.contexts) == 1


def test_a_study_from_the_command_line(model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [
        {"task_id": "a", "prefix": "x = ", "suffix": "\n", "gold": "1"},
        {"task_id": "b", "prefix": "x = (", "between": [" + "], "suffix": ")\n", "gold": ["1", "2"]},
    ]
    (tmp_path / "tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)))
    words = ["--tasks", str(tmp_path / "tasks.jsonl"), "--out", str(tmp_path / "found"), "--model", str(model_folder)]
    assert blocks.main(words) == 0
    found = json.loads((tmp_path / "found").read_text())
    assert found["tasks"] == 1
    assert [it["method"] for it in found["rows"]] == [*(f"blocks of {it}" for it in WIDTHS), "one canvas that grows"]
    capsys.readouterr()
    (tmp_path / "tasks.jsonl").write_text(json.dumps(tasks[1]))
    for bad in (words, [*words, "--tasks", "nowhere"], [*words, "--model", "nowhere"]):
        assert blocks.main(bad) == 2
        assert capsys.readouterr().err.count("\n") == 1
