"""The training forward and inference compute the same."""

import random

import torch
from whole import whole_logits

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.embedded.network import Network, rotary_table, rotate
from infill_model.training.loop import SIZES, row_builders, shape_of
from infill_model.vocabulary import MASK, PAD, Vocabulary


def test_encoding_piecewise_equals_encoding_at_once(network: Network) -> None:
    ids = torch.randint(16, 512, (1, 40), generator=torch.Generator().manual_seed(0))
    whole = network.encode(ids)[0]
    cache = EncoderCache(network)
    for end in (7, 8, 30, 40):
        cache.encode(ids[0, :end].tolist())
    torch.testing.assert_close(cache.states[:40], whole, atol=1e-4, rtol=0)


def test_training_views_equal_inference(network: Network, vocabulary: Vocabulary) -> None:
    source = "\n".join(f"value_{n} = compute(value_{n - 1}, other={n})" for n in range(30))
    batch = row_builders(vocabulary, network.shape)[0].batch([(source, "python")], random.Random(3))
    ids = torch.from_numpy(batch.context)
    arrays = (torch.from_numpy(it) for it in (batch.visible, batch.ids, batch.pinned, batch.valid))
    states = network.denoise(ids, network.encode(ids), *arrays)
    denoiser = EmbeddedDenoiser(network)
    for k in range(batch.ids.shape[1]):
        width = int(batch.valid[0, k].sum())
        ids, pinned = batch.ids[0, k, :width].tolist(), batch.pinned[0, k, :width].tolist()
        canvas = Canvas.of([[Piece([i], p) for i, p in zip(ids, pinned, strict=True)]])
        context = denoiser.encode([batch.context[0, : batch.visible[0, k]].tolist()])
        expected = network.logits(states[0, k, :width])
        torch.testing.assert_close(whole_logits(denoiser, context, canvas)[0], expected, atol=1e-3, rtol=0)


def test_padding_changes_nothing(network: Network) -> None:
    denoiser = EmbeddedDenoiser(network)
    context = denoiser.encode([[20, 21, 22]])
    short = [Piece([MASK] * 5, pinned=False)]
    padded = Canvas.of([short, [Piece([MASK] * 9, pinned=False)]])
    assert (padded.ids[0, 5:] == PAD).all()
    two = denoiser.encode([[20, 21, 22], [20, 21, 22]])
    torch.testing.assert_close(
        whole_logits(denoiser, two, padded)[0, :5],
        whole_logits(denoiser, context, Canvas.of([short]))[0],
        atol=1e-4,
        rtol=0,
    )


def test_the_encoder_is_causal(network: Network) -> None:
    ids = torch.randint(16, 512, (1, 20), generator=torch.Generator().manual_seed(0))
    changed = ids.clone()
    changed[0, 12] = 17
    before, after = network.encode(ids)[0], network.encode(changed)[0]
    torch.testing.assert_close(before[:12], after[:12])
    assert (before[12:] - after[12:]).abs().max() > 1e-3


def test_rotary_products_depend_on_distance_alone() -> None:
    table = rotary_table(shape_of("tiny"))
    q, k = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    at = [rotate(q, table[:, n + 5]) @ rotate(k, table[:, n]) for n in (0, 3, 90)]
    torch.testing.assert_close(torch.stack(at), at[0].expand(3), atol=1e-4, rtol=0)


def test_sizes_are_what_they_are_called() -> None:
    millions = {}
    for size in SIZES:
        with torch.device("meta"):
            millions[size] = sum(it.numel() for it in Network(shape_of(size)).parameters()) / 1e6
    assert millions["tiny"] < 1
    assert millions["tiny"] < millions["small"] < millions["base"]
    assert 40 <= millions["base"] <= 60
