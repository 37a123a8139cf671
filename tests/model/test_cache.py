"""The reused cache gives the same result as a fresh one, whatever was typed before."""

import copy
import random

import pytest
import torch
from whole import whole_logits, whole_shadows

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.kv_cache import EncoderCache
from infill_model.embedded.network import Network
from infill_model.infill.window import ContextWindow, split_suffix
from infill_model.vocabulary import MASK, Vocabulary

SEQUENCES = 500
TEXT = '''import json


def load(path, *, strict=False):
    """Read a file."""
    with open(path, encoding="utf-8") as file:
        values = json.load(file)
    if strict and not isinstance(values, dict):
        raise ValueError(f"{path}: not an object")
    return {key: value for key, value in values.items() if value is not None}


class Store:
    def __init__(self, root):
        self.root = root
        self.names = sorted(it.name for it in root.iterdir())

    def get(self, name):
        return load(self.root / name)
'''


def edited(text: str, cursor: int, rng: random.Random) -> tuple[str, int]:
    """Return text and cursor after one editor action: type, delete, move, or change something above or below."""
    action = rng.randrange(6)
    if action <= 1:
        typed = rng.choice(["x", "re", "(self", "\n    ", " = ", "é", "return"])
        return text[:cursor] + typed + text[cursor:], cursor + len(typed)
    if action == 2:
        cut = min(cursor, rng.randint(1, 5))
        return text[: cursor - cut] + text[cursor:], cursor - cut
    if action == 3:
        return text, rng.randint(0, len(text))
    at = rng.randint(0, cursor) if action == 4 else rng.randint(cursor, len(text))
    inserted = rng.choice(["# note\n", "y", ""])
    removed = 0 if inserted else min(rng.randint(1, 8), (cursor if action == 4 else len(text)) - at)
    changed = text[:at] + inserted + text[at + removed :]
    return changed, cursor + (len(inserted) - removed if action == 4 else 0)


def logits_at(denoiser: EmbeddedDenoiser, vocabulary: Vocabulary, text: str, cursor: int) -> torch.Tensor:
    rest, below = split_suffix(text[cursor:])
    context = ContextWindow(vocabulary, denoiser.network.shape.context).context(text[:cursor], below)
    canvas = Canvas.of([[Piece([MASK] * 8, pinned=False), Piece(vocabulary.encode(rest)[:8], pinned=True)]])
    return whole_logits(denoiser, denoiser.encode([context]), canvas)


@pytest.mark.slow
def test_any_sequence_of_edits_leaves_the_cache_exact(network: Network, vocabulary: Vocabulary) -> None:
    rng = random.Random(7)
    reused_any = 0
    for _ in range(SEQUENCES):
        typing = EmbeddedDenoiser(network)
        text, cursor = TEXT, rng.randint(0, len(TEXT))
        for _ in range(rng.randint(2, 6)):
            text, cursor = edited(text, cursor, rng)
            if rng.random() < 0.6:
                logits_at(typing, vocabulary, text, cursor)
        reused = logits_at(typing, vocabulary, text, cursor)
        reused_any += typing._caches[-1].reused > 0
        fresh = logits_at(EmbeddedDenoiser(network), vocabulary, text, cursor)
        assert (reused - fresh).abs().max() < 1e-4
    assert reused_any > SEQUENCES // 2  # Otherwise the test would compare nothing.


def test_one_character_more_encodes_only_the_end(network: Network, vocabulary: Vocabulary) -> None:
    window = ContextWindow(vocabulary, network.shape.context)
    cache = EncoderCache(network)
    at = TEXT.index("return load")
    cache.encode(window.context(TEXT[: at + 6], "\n"))
    longer = window.context(TEXT[: at + 8], "\n")
    cache.encode(longer)
    assert len(longer) - cache.reused <= 3


def test_typing_does_not_move_the_window(network: Network, vocabulary: Vocabulary) -> None:
    window = ContextWindow(vocabulary, network.shape.context)
    text = TEXT * 4
    starts = {tuple(window.context(text[: len(text) - 20 + n], "\nx = 1\n")[:40]) for n in range(20)}
    assert len(starts) == 1


def test_a_window_never_exceeds_its_tokens(vocabulary: Vocabulary) -> None:
    window = ContextWindow(vocabulary, 64)
    for prefix in (TEXT, "x" * 5000, "", "\n" * 300, "a = [" + "1, " * 3000):
        for below in ("", "\n" * 200, "\n" + "y" * 4000, "\n" + TEXT):
            assert len(window.context(prefix, below)) <= 64


def test_too_long_a_context_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match="do not fit"):
        EncoderCache(network).encode([20] * (network.shape.positions + 1))


def test_batched_contexts_of_different_length_equal_single_ones(network: Network, vocabulary: Vocabulary) -> None:
    contexts = [vocabulary.encode("x = [1, 2, 3]\nfor y in "), vocabulary.encode("def f(")]
    rows = [
        [Piece([MASK] * 6, pinned=False), Piece(vocabulary.encode(":"), pinned=True)],
        [Piece([MASK] * 9, pinned=False)],
    ]
    denoiser = EmbeddedDenoiser(network)
    together = whole_logits(denoiser, denoiser.encode(contexts), Canvas.of(rows))
    shadows = whole_shadows(denoiser, denoiser.encode(contexts), Canvas.of(rows))
    for n, (context, row) in enumerate(zip(contexts, rows, strict=True)):
        alone = denoiser.encode([context])
        width = sum(len(piece.ids) for piece in row)
        torch.testing.assert_close(
            together[n, :width], whole_logits(denoiser, alone, Canvas.of([row]))[0], atol=1e-4, rtol=0
        )
        for both, single in zip(shadows, whole_shadows(denoiser, alone, Canvas.of([row])), strict=True):
            torch.testing.assert_close(both[n, :width], single[0], atol=1e-4, rtol=0)


def test_a_shadow_is_the_position_masked_alone(network: Network, vocabulary: Vocabulary) -> None:
    # Other positions see the original where it is visible: neighbours through their embeddings, all others in a second
    # layer. So the shadow is exact without neighbours and with one layer.
    blind = copy.deepcopy(network)
    blind.around.weight.zero_()
    denoiser = EmbeddedDenoiser(blind)
    ids = vocabulary.encode("self.root = root")
    canvas = Canvas.of([[Piece(ids, pinned=False)]])
    context = denoiser.encode([vocabulary.encode("class A:\n    ")])
    plain, shadow = whole_shadows(denoiser, context, canvas)
    torch.testing.assert_close(plain, whole_logits(denoiser, context, canvas), atol=1e-4, rtol=0)
    for n in range(len(ids)):
        masked = Canvas.of([[Piece([*ids[:n], MASK, *ids[n + 1 :]], pinned=False)]])
        expected = whole_logits(denoiser, context, masked)[0, n]
        torch.testing.assert_close(shadow[0, n], expected, atol=1e-4, rtol=0)
