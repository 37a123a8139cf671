"""The shallow denoiser on a tiny model: the same trained and packed, and never a change to the fill."""

import random
from pathlib import Path

import pytest
import torch
from tiny_qwen2 import write_gguf

from infill_model.coder.denoiser import CANVAS, ShallowDenoiser, Tip, likeliest_paths
from infill_model.coder.encoder import ROOT
from infill_model.coder.infiller import CoderInfiller
from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies, unmask_policy
from infill_model.denoising.stop import Limits
from infill_model.errors import WeightsError
from infill_model.packing import denoiser_weights, low_rank
from infill_model.packing.converted import convert, head_ids, read
from infill_model.packing.denoiser_weights import DenoiserWeights
from infill_model.packing.gguf_file import GgufFile
from infill_model.request import Options, Request
from infill_model.training.tuning.denoiser import UNKNOWN, Canvases, TrainedDenoiser, canvases_of
from infill_model.training.tuning.tune import load_network
from infill_model.vocabulary import MASK, RESERVED

ROW = list(range(40, 70))
READ = [70, 71, 72]
LAST = 73
WRITABLE = torch.arange(20, 150, dtype=torch.int32)
CODE = "def add(first, second):\n    result = first + second\n    return result\n\n\ndef get(self):\n    return "


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TrainedDenoiser]:
    """Return a converted model with a randomly initialised denoiser, and that denoiser in its training form."""
    folder = tmp_path_factory.mktemp("denoiser")
    gguf = write_gguf(folder / "tiny.gguf")
    network, _ = load_network(GgufFile(gguf), head_ids(5, 200), torch.float32)
    low_rank.save(folder / "update", low_rank.attach(network, 2), "tiny")
    convert(gguf, folder / "update", folder / "plain.safetensors", "tiny")
    denoiser = TrainedDenoiser(read(folder / "plain.safetensors"), 4, 2, WRITABLE)
    generator = torch.Generator().manual_seed(1)
    for parameter in (denoiser.canvas, denoiser.seed, denoiser.token):
        parameter.data += torch.randn(parameter.shape, generator=generator) * 0.1
    denoiser_weights.save(folder / "update", denoiser.stored())
    stored = denoiser_weights.load(folder / "update")
    assert stored
    denoiser.restore(stored)
    convert(gguf, folder / "update", folder / "model.safetensors", "tiny")
    return folder / "model.safetensors", denoiser


@pytest.fixture
def coder(trained: tuple[Path, TrainedDenoiser]) -> CoderInfiller:
    return CoderInfiller(read(trained[0]), "cpu", "float32")


def _denoiser(coder: CoderInfiller) -> ShallowDenoiser:
    assert coder.denoiser
    return coder.denoiser


def _tip(coder: CoderInfiller) -> Tip:
    tip = _denoiser(coder).encode([ROW])
    (path,) = tip.cache.grow([(ROOT, READ)])
    return Tip(tip.cache, path[-1])


def _canvas(first: int, masks: int = CANVAS - 1) -> Canvas:
    return Canvas.of([[Piece([first + RESERVED], True), Piece([MASK] * masks, False)]])


def test_packed_it_predicts_what_it_predicted_in_training(
    trained: tuple[Path, TrainedDenoiser], coder: CoderInfiller
) -> None:
    everywhere = torch.ones(1, CANVAS, dtype=torch.bool)
    packed = _denoiser(coder).logits(_tip(coder), _canvas(5), everywhere)[:, RESERVED:]
    network, row = coder.network, [*ROW, *READ, LAST, LAST]
    cache, n = network.cache(len(row)), len(row)
    _, residual = network.run(torch.tensor(row), torch.arange(n), torch.ones(n, n).tril().bool(), cache, 0)
    anchors = torch.tensor([10, len(ROW) + len(READ) - 1])
    known = torch.tensor([[3, *[UNKNOWN] * 3, 7, UNKNOWN], [5, *[UNKNOWN] * (CANVAS - 1)]])
    states = trained[1](Canvases(anchors, known, known), residual, [(it[0], it[1]) for it in cache[-2:]])
    expected = network.logits(states[1].detach())
    writable = torch.isin(network.head_ids, WRITABLE)
    assert 0 < int(writable.sum()) < len(writable)
    assert torch.allclose(packed[:, writable], expected[:, writable], atol=1e-4)
    assert (packed[:, ~writable] == -torch.inf).all()


def test_a_canvas_leaves_nothing_in_the_cache(coder: CoderInfiller) -> None:
    tip = _tip(coder)
    (untouched,) = tip.cache.grow([(ROOT, [*READ, 80, 81])])
    expected = tip.cache.logits(untouched[-1]).clone()
    tip = _tip(coder)
    _denoiser(coder).drafts(tip.cache, tip.node, LAST, CANVAS)
    (after,) = tip.cache.grow([(ROOT, [*READ, 80, 81])])
    assert torch.allclose(tip.cache.logits(after[-1]), expected, atol=1e-5)


def test_the_one_loop_writes_a_canvas_in_several_steps(coder: CoderInfiller) -> None:
    policies = Policies(unmask=unmask_policy("top_k"))
    drafts = list(denoise(_denoiser(coder), _tip(coder), _canvas(5), policies, Limits(4)))
    assert 1 < len(drafts) <= 4
    assert drafts[-1].done
    assert int(drafts[-1].canvas.ids[0, 0]) == 5 + RESERVED


@pytest.mark.parametrize("retrieve", [True, False])
def test_what_is_written_is_the_greedy_fill_whatever_it_drafts(
    coder: CoderInfiller, retrieve: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every draft is verified, however unsure: a draft never changes the outcome, only the number of forwards."""
    monkeypatch.setattr("infill_model.coder.denoiser.LEAST_SURE", 0.0)
    rng = random.Random(5)
    forwards = {0: 0, CANVAS: 0}
    for _ in range(12):
        cut = rng.randrange(20, len(CODE))
        request = Request(prefix=CODE[:cut], suffix=CODE[cut + 9 :])
        fills = {it: coder.fill(request, Options(masks=it, retrieve=retrieve))[0] for it in forwards}
        assert fills[0].texts == fills[CANVAS].texts
        for masks, fill in fills.items():
            forwards[masks] += fill.forwards
    assert forwards[CANVAS] <= forwards[0]


def test_the_tree_of_drafts_holds_the_likeliest_paths() -> None:
    paths = likeliest_paths([[1, 2], [3, 4]], [[0.6, 0.3], [0.5, 0.4]])
    assert paths == [[1, 3], [1, 4], [2, 3], [2, 4]]  # 0.3, 0.24, 0.15, 0.12
    assert likeliest_paths([[1, 2], [3, 4]], [[0.8, 0.05], [0.1, 0.05]]) == [[1]]
    assert likeliest_paths([[1, 2]], [[0.05, 0.04]]) == []


def test_targets_end_where_the_encoder_and_the_text_part() -> None:
    row = [9, 1, 2, 3, 4, 5, 6]
    written = [UNKNOWN, 2, 3, 7, 5, 6, 8]  # After 3 the encoder would write 7; the text has 4.
    canvases = canvases_of(row, written, 1, 16, random.Random(0))
    of = dict(zip(canvases.anchors.tolist(), canvases.targets.tolist(), strict=True))
    asked = {it: [a for a in targets if a != UNKNOWN] for it, targets in of.items()}
    assert set(asked[0]) <= {2, 3, 7}
    assert asked[2] == [7]
    assert set(asked[3]) <= {5, 6, 8}
    assert canvases.known[:, 0].tolist() == [row[it + 1] for it in canvases.anchors.tolist()]


def test_a_denoiser_of_another_shape_and_a_damaged_file_are_told(
    trained: tuple[Path, TrainedDenoiser], tmp_path: Path
) -> None:
    tensors = dict(trained[1].stored().tensors)
    with pytest.raises(WeightsError, match="seed"):
        trained[1].restore(DenoiserWeights(tensors | {"seed": torch.eye(3)}))
    assert denoiser_weights.load(tmp_path) is None
    denoiser_weights.save(tmp_path, DenoiserWeights({name: it for name, it in tensors.items() if name != "ids"}))
    with pytest.raises(WeightsError, match="made by another version"):
        denoiser_weights.load(tmp_path)
    (tmp_path / denoiser_weights.FILE).write_bytes(b"nothing")
    with pytest.raises(WeightsError, match="not a readable denoiser"):
        denoiser_weights.load(tmp_path)
