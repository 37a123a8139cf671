"""`infill-model tune-denoiser`: train the shallow denoiser that drafts for a converted model.

The encoder is frozen and runs packed, as in use. Shapes: A anchors, C canvas positions, T tokens of a row, S tokens the
denoiser may write, D width, V tokens of the trimmed head.
"""

import argparse
import json
import random
import time
from collections import Counter
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.coder.denoiser import CANVAS
from infill_model.data.corpus import CorpusFile, read_corpus
from infill_model.packing import denoiser_weights
from infill_model.packing.converted import read
from infill_model.packing.fim import FimMarks
from infill_model.training.tuning.denoiser import UNKNOWN, Canvases, TrainedDenoiser, canvases_of
from infill_model.training.tuning.fim_rows import FimRow, RowCutter
from infill_model.transformer.packed import CausalNetwork

HALF_LIFE: Final = 3.0
"""Tokens over which a position's weight in the loss halves: later ones count only if earlier ones are accepted."""

WRITABLE: Final = 16384
COUNTED_FILES: Final = 1500
"""The number of tokens that the denoiser may write, and of files in which they are counted."""

LONGEST: Final = 640
HELD_OUT_ROWS: Final = 12
_SAVE_SECONDS: Final = 240


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `tune-denoiser`."""
    parser.add_argument("--model", type=Path, required=True, metavar="FILE", help="a converted model with its update")
    parser.add_argument(
        "--corpus", type=Path, required=True, action="append", metavar="DIR", help="a corpus; may be repeated"
    )
    parser.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="folder of the run; resumed if it exists"
    )
    parser.add_argument("--minutes", type=float, default=30, help="length of the run (default: 30)")
    parser.add_argument("--anchors", type=int, default=320, help="canvases per row (default: 320)")
    parser.add_argument("--rank", type=int, default=64, help="rank of the layers' updates (default: 64)")
    parser.add_argument("--rate", type=float, default=1e-3, help="the learning rate (default: 1e-3)")
    parser.add_argument("--rows", type=int, default=2, help="rows per step (default: 2)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--seed", type=int, default=0)


def run(flags: argparse.Namespace) -> None:
    """Train until the time is up."""
    torch.manual_seed(flags.seed)
    DenoiserTrainer(flags).run()


class DenoiserTrainer:
    """One training run of the denoiser."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.device = flags, torch.device(flags.device)
        converted = read(flags.model)
        self.encoder = CausalNetwork(converted.shape, converted.weights, flags.device, LONGEST)
        self.tokenizer = converted.tokenizer
        self.tokenizer.encode_special_tokens = True
        marks = FimMarks.of(dict(converted.special))
        self.cutter = RowCutter(self._encode, marks)
        self.middle = marks.middle
        self.files = [it for folder in flags.corpus for it in read_corpus(folder, "train") if len(it.text) > 1200]
        self.rng = random.Random(flags.seed)  # noqa: S311  # Which rows are drawn is no secret.
        self.step, self.seconds, self.loss = 0, 0.0, 0.0
        head = self.encoder.head_ids
        stored = denoiser_weights.load(flags.run)
        ids = stored.tensors["ids"] if stored else self._frequent(set(head.tolist()))
        self.network = TrainedDenoiser(converted, flags.rank, self.encoder.depth, ids).to(self.device)
        self.numbers = self.network.stored().numbers(head).long().to(self.device)
        weight, scale = (converted.weights[f"head.{it}"][self.numbers.cpu()].float() for it in ("weight", "scale"))
        self.head = (weight * scale.unsqueeze(1)).to(self.device)
        self.number_of = torch.full((converted.shape.vocabulary,), UNKNOWN)
        self.number_of[head] = torch.arange(len(head))
        self._resume(stored)
        its = self.network
        groups = [
            {"params": [it for up in its.updates.values() for it in (up.a, up.b)], "factor": 1.0},
            {"params": [its.seed, its.token], "factor": 0.25},
            {"params": [its.canvas, its.norm.weight], "factor": 5.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=flags.rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.held_out = self._held_out()

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def run(self) -> None:
        """Run the training steps; log and save at intervals, and at the end."""
        began = saved = time.monotonic()
        end = began + self.flags.minutes * 60
        print(f"{len(self.files)} files; {self._committed()}", flush=True)
        while (now := time.monotonic()) < end:
            self._step((now - began) / (end - began))
            self.seconds += time.monotonic() - now
            if self.step % 10 == 0:
                print(f"step {self.step} seconds {self.seconds:.0f} loss {self.loss:.3f}", flush=True)
            if time.monotonic() - saved > _SAVE_SECONDS:
                self._save()
                saved = time.monotonic()
        self._save()

    def _step(self, share: float) -> None:
        """Run one step of the optimiser over a few rows."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.flags.rate * group["factor"] * min(1.0, (self.step + 1) / 20) * (1 - 0.95 * share)
        self.optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(self.flags.rows):
            loss = self._loss(self._row(), self.rng) / self.flags.rows
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_([p for group in self.optimiser.param_groups for p in group["params"]], 1.0)
        self.optimiser.step()
        self.step += 1
        self.loss = total if self.loss == 0 else 0.95 * self.loss + 0.05 * total

    def _row(self) -> FimRow:
        while True:
            file: CorpusFile = self.rng.choice(self.files)
            if self.rng.random() <= file.weight and (row := self._cut(file, self.rng)):
                return row

    def _cut(self, file: CorpusFile, rng: random.Random) -> FimRow | None:
        row = self.cutter.row(file.text, "", rng)
        return row if row and 64 < len(row.ids) <= LONGEST else None

    def _states(self, row: FimRow, rng: random.Random) -> tuple[Tensor, Canvases, Tensor]:
        """Return states (A, C, D) of canvases, the canvases, and the encoder's logits (n, V) at the last n tokens."""
        ids, size = torch.tensor(row.ids), len(row.ids)
        cache = self.encoder.cache(size)
        attention_mask = torch.ones(size, size, dtype=torch.bool, device=self.device).tril()
        place = torch.arange(size, device=self.device)
        encoded, residual = self.encoder.run(ids.to(self.device), place, attention_mask, cache, 0)
        start = row.ids.index(self.middle) + 1
        logits = self.encoder.logits(encoded[start - 1 :])
        written = torch.full((size,), UNKNOWN)
        written[start - 1 :] = logits.argmax(1).cpu()
        canvases = canvases_of(self.number_of[ids].tolist(), written.tolist(), start, self.flags.anchors, rng)
        canvases = Canvases(*(getattr(canvases, it).to(self.device) for it in ("anchors", "known", "targets")))
        past = [(it[0].float(), it[1].float()) for it in cache[-self.encoder.depth :]]
        return self.network(canvases, residual.float(), past), canvases, logits

    def _loss(self, row: FimRow, rng: random.Random) -> Tensor:
        """Return the mean cross-entropy in nats with the encoder's own distribution, weighted by distance."""
        states, canvases, logits = self._states(row, rng)
        asked = canvases.targets != UNKNOWN
        far = torch.arange(CANVAS, device=self.device).expand_as(asked)
        before = (canvases.anchors.unsqueeze(1) + far)[asked]
        with torch.no_grad():
            places, which = torch.unique(before, return_inverse=True)
            # Of the tokens that the denoiser may write alone, so they add up to less than one.
            right = logits[places - (len(row.ids) - len(logits))].softmax(1)[:, self.numbers]
        each = F.cross_entropy(F.linear(states[asked], self.head), right[which], reduction="none")
        weight = 0.5 ** ((far[asked] - 1) / HALF_LIFE)
        return (each * weight).sum() / weight.sum()

    @torch.no_grad()
    def _committed(self) -> str:
        """Report tokens committed per verification on held-out code, with the encoder's own; hit rates by place."""
        hits, asked = torch.zeros(CANVAS), torch.zeros(CANVAS)
        rng = random.Random(3)  # noqa: S311
        for row in self.held_out:
            states, canvases, _ = self._states(row, rng)
            whole = (canvases.known[:, 1:] == UNKNOWN).all(1)
            right = self.numbers[F.linear(states[whole], self.head).argmax(-1)] == canvases.targets[whole]
            going = torch.ones(len(right), dtype=torch.bool, device=self.device)
            for number in range(1, CANVAS):
                going &= canvases.targets[whole][:, number] != UNKNOWN
                asked[number] += going.sum().cpu()
                going &= right[:, number]
                hits[number] += going.sum().cpu()
        share = hits[1:] / asked[1:].clamp(min=1)
        return f"committed {1 + float(share.cumprod(0).sum()):.3f} hits {[round(it, 3) for it in share.tolist()]}"

    def _held_out(self) -> list[FimRow]:
        files = [it for folder in self.flags.corpus for it in read_corpus(folder, "heldout")]
        rng = random.Random(1)  # noqa: S311
        rng.shuffle(files)
        rows = (self._cut(it, rng) for it in files if len(it.text) > 1200)
        return [it for it in rows if it][:HELD_OUT_ROWS]

    def _save(self) -> None:
        """Save the weights and the progress."""
        denoiser_weights.save(self.flags.run, self.network.stored())
        state = {"step": self.step, "seconds": round(self.seconds), "loss": round(self.loss, 4)}
        (self.flags.run / "state.json").write_text(json.dumps(state), encoding="utf-8")
        print(f"step {self.step} seconds {self.seconds:.0f} {self._committed()}", flush=True)

    def _frequent(self, head: set[int]) -> Tensor:
        """Return the ids (S,) int32 of the head's tokens that are most frequent in the corpora, sorted."""
        counted, rng = Counter[int](), random.Random(2)  # noqa: S311
        for file in rng.sample(self.files, min(len(self.files), COUNTED_FILES)):
            counted.update(it for it in self._encode(file.text[:6000]) if it in head)
        return torch.tensor(sorted(it for it, _ in counted.most_common(WRITABLE)), dtype=torch.int32)

    def _resume(self, stored: denoiser_weights.DenoiserWeights | None) -> None:
        self.flags.run.mkdir(parents=True, exist_ok=True)
        if stored:
            self.network.restore(stored)
            state = json.loads((self.flags.run / "state.json").read_text(encoding="utf-8"))
            self.step, self.seconds, self.loss = state["step"], float(state["seconds"]), state["loss"]
