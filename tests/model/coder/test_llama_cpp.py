"""Exported models produce in llama.cpp's own server the tokens the merged model produces in float32.

The tiny model is exported in each test run. For a real model and its update:

    PYTHONPATH=tests python tests/model/coder/test_llama_cpp.py FILE.gguf UPDATE CORPUS

prints the agreement on ten gaps within lines of held-out code, for each kind of matrices.
"""

import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
import torch
from llama_server import needed, serving
from tiny_qwen2 import write_gguf

from infill_model.coder.layout import RowBudget, RowLayout
from infill_model.data.corpus import read_corpus
from infill_model.packing import low_rank
from infill_model.packing.fim import FimMarks
from infill_model.packing.gguf_export import KINDS, export_gguf
from infill_model.packing.gguf_file import GgufFile
from infill_model.training.tuning.tune import encode, load_network
from infill_model.transformer.transformer import Transformer

pytestmark = needed

TIE = 0.05
"""Nats between two nearly equal tokens: keys and values in f16 move log-probabilities by up to 0.03."""

CODE = "def add(first, second):\n    result = first + second\n    return result\n\n\nclass Box:\n    def get(self):\n"


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of a server's greedy tokens with ours: their number, the equal ones, the widest difference.

    `gap` is by how many nats the worst of its tokens is less likely than our own choice.
    """

    tokens: int
    same: int
    gap: float


class Merged:
    """A model with its update merged, in float32, with all tokens in its head."""

    def __init__(self, gguf: Path, update: Path) -> None:
        source = GgufFile(gguf)
        every = torch.arange(source.shape.vocabulary)
        self.network: Transformer
        self.network, self.head = load_network(source, every, torch.float32)
        stored = low_rank.load(update)
        rank = next(iter(stored.values()))[0].shape[0]
        low_rank.restore(low_rank.attach(self.network, rank), update)
        marks = FimMarks.of({source.tokens.tokens[it]: it for it in source.tokens.special})
        self.tokenizer = source.tokens.tokenizer()
        self.layout = RowLayout(partial(encode, self.tokenizer), marks, RowBudget(above=160, below=64))

    @torch.no_grad()
    def agreement(self, row: Sequence[int], written: Sequence[int]) -> Agreement:
        """Compare a server's tokens after a row with our most likely ones after the same tokens."""
        ids = torch.tensor([*row, *written])
        states, _ = self.network(ids.unsqueeze(0), torch.arange(len(ids)).unsqueeze(0))
        chances = (states[0, len(row) - 1 : -1] @ self.head.T).log_softmax(1)
        best, theirs = chances.max(1).values, chances.gather(1, ids[len(row) :].unsqueeze(1)).squeeze(1)
        return Agreement(len(written), int((best == theirs).sum()), float((best - theirs).max()))


def written_by(url: str, row: Sequence[int], most: int) -> list[int]:
    """Return the server's greedy tokens after a row, at most `most`, including the end token if it is reached."""
    asked = {"prompt": list(row), "n_predict": most, "temperature": 0.0, "return_tokens": True, "cache_prompt": False}
    found: list[int] = httpx.post(f"{url}/completion", json=asked, timeout=300).raise_for_status().json()["tokens"]
    return found


def test_the_tiny_model_is_a_qwen2_of_its_own(tmp_path: Path) -> None:
    """The update of the model used by the other tests here makes a difference."""
    merged, plain = (_merged(tmp_path / it, scale) for it, scale in (("tuned", 0.2), ("plain", 0.0)))
    ids = torch.tensor([merged.layout.row(CODE, ("\n",))])
    places = torch.arange(ids.shape[1]).unsqueeze(0)
    states = [it.network(ids, places)[0] for it in (merged, plain)]
    assert (states[0] - states[1]).abs().max() > 0.1


@pytest.mark.parametrize(("kind", "tie"), [("f16", TIE), ("q8_0", 0.5)])
def test_greedy_tokens_are_ours_but_for_near_ties(kind: str, tie: float, tmp_path: Path) -> None:
    merged = _merged(tmp_path, 0.2)
    export_gguf(tmp_path / "tiny.gguf", tmp_path / "update", tmp_path / "out.gguf", kind)
    rng = random.Random(1)
    with serving(tmp_path / "out.gguf", "-c", "2048") as url:
        for _ in range(8):
            cursor = rng.randrange(len(CODE))
            row = merged.layout.row(CODE[:cursor], (CODE[cursor:],))
            found = merged.agreement(row, written_by(url, row, 24))
            assert found.tokens >= 1
            assert found.gap < tie


def _merged(folder: Path, scale: float) -> Merged:
    """Return the tiny model in a folder, with an update of large values in `update` beside it."""
    folder.mkdir(exist_ok=True)
    gguf = write_gguf(folder / "tiny.gguf")
    torch.manual_seed(1)
    updates = low_rank.attach(load_network(GgufFile(gguf), torch.arange(3), torch.float32)[0], 4)
    for it in updates.values():
        torch.nn.init.normal_(it.b, std=scale)
    low_rank.save(folder / "update", updates, "tiny", torch.float32)
    return Merged(gguf, folder / "update")


def main(gguf: Path, update: Path, corpus: Path) -> None:
    """Print the results of ten gaps, one line for each kind of matrices."""
    merged, rng = Merged(gguf, update), random.Random(1)
    files = [it for it in read_corpus(corpus, "heldout") if it.weight == 1 and len(it.text) > 3000]
    rows = [merged.layout.row(*_cut(it.text, rng)) for it in rng.sample(files, 10)]
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as folder:
            export_gguf(gguf, update, Path(folder, "out.gguf"), kind)
            with serving(Path(folder, "out.gguf"), "-c", "2048") as url:
                found = [_asked(merged, url, row) for row in rows]
        print(json.dumps({
            "kind": kind,
            "gaps": len(found),
            "equal": sum(it.same == it.tokens for it in found),
            "tokens": sum(it.tokens for it in found),
            "same": sum(it.same for it in found),
            "widest_gap": round(max(it.gap for it in found), 4),
        }), flush=True)  # fmt: skip


def _asked(merged: Merged, url: str, row: Sequence[int]) -> Agreement:
    """Return a fill up to the end of its line."""
    written = written_by(url, row, 16)
    line = next((at + 1 for at, it in enumerate(written) if "\n" in merged.tokenizer.decode([it])), len(written))
    return merged.agreement(row, written[:line])


def _cut(text: str, rng: random.Random) -> tuple[str, tuple[str]]:
    """Return a gap from within a line to its end."""
    lines = [it for it in text.splitlines(keepends=True) if len(it.strip()) > 24]
    line = rng.choice(lines)
    at = text.index(line)
    return text[: at + rng.randrange(len(line) // 2, len(line) - 4)], (text[at + len(line) - 1 :],)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
