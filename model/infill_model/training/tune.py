"""The command `tune`: teaches a published causal code model this project's order of the row, by a low-rank update.

Next-token loss on the gap, with a small weight on the code before it. A run is a folder: it goes on where it was
stopped, and its newest update is always whole. Shapes: B rows, T tokens, D width, V tokens of the trimmed head.
"""

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from infill_model.backends.transformer import Transformer
from infill_model.checkpoints import low_rank
from infill_model.checkpoints.converted import head_ids
from infill_model.checkpoints.fim import FimMarks
from infill_model.checkpoints.gguf_file import GgufFile
from infill_model.training.corpus import CorpusFile, read_corpus
from infill_model.training.fim_rows import FimRow, RowCutter, batch

POOL: Final = 6
"""Batches that are drawn together and sorted by length, so that little is padding."""

SMALLEST_FILE: Final = 1200
HELD_OUT_ROWS: Final = 24
DECAY_FROM: Final = 0.7
"""Share of the run after which the rate begins to fall, to a tenth at the end."""

_SAVE_SECONDS: Final = 420
_EVALUATE_STEPS: Final = 40


@dataclass(frozen=True, slots=True)
class TuneState:
    """How far a run is; `seconds` of training, `loss` of gaps in nats, averaged over about twenty steps."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = 0.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare what `tune` takes."""
    parser.add_argument("--gguf", type=Path, required=True, metavar="FILE", help="the model to tune")
    parser.add_argument("--corpus", type=Path, required=True, action="append", metavar="DIR", help="may be repeated")
    parser.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="folder of the run; goes on if it exists"
    )
    parser.add_argument("--base", default="Qwen/Qwen2.5-Coder-0.5B-Instruct", help="the model's name, for the record")
    parser.add_argument("--init", type=Path, metavar="DIR", help="an update to start a new run from")
    parser.add_argument("--minutes", type=float, default=60, help="when to stop, and what the rate is scheduled by")
    parser.add_argument("--rows", type=int, default=2, help="rows of a step (default: 2)")
    parser.add_argument("--rank", type=int, default=16, help="of the update (default: 16)")
    parser.add_argument("--rate", type=float, default=3e-4, help="the learning rate (default: 3e-4)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--threads", type=int, default=None, help="that a step may use")
    parser.add_argument("--seed", type=int, default=0)


def run(flags: argparse.Namespace) -> None:
    """Tune until the time is up."""
    if flags.threads:
        torch.set_num_threads(flags.threads)
    torch.manual_seed(flags.seed)
    Tuner(flags).run()


class Tuner:
    """One run."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.folder = flags, flags.run
        self.device = torch.device(flags.device)
        self.folder.mkdir(parents=True, exist_ok=True)
        source = GgufFile(flags.gguf)
        self.tokenizer = source.tokens.tokenizer()
        self.tokenizer.encode_special_tokens = True
        self.marks = FimMarks.of({source.tokens.tokens[it]: it for it in source.tokens.special})
        self.files = [it for folder in flags.corpus for it in read_corpus(folder, "train")]
        self.files = [it for it in self.files if len(it.text) > SMALLEST_FILE]
        self.projects: dict[str, list[CorpusFile]] = {}
        for file in self.files:
            self.projects.setdefault(file.project, []).append(file)
        self.head_ids = head_ids(self.marks.end, source.shape.vocabulary)
        network, head = load_network(source, self.head_ids)
        frozen = torch.float32 if self.device.type == "cpu" else torch.bfloat16
        self.network, self.head = network.to(self.device, frozen), head.to(self.device, frozen)
        self.inverse = torch.full((source.shape.vocabulary,), -1, device=self.device)
        self.inverse[self.head_ids] = torch.arange(len(self.head_ids), device=self.device)
        self.updates = low_rank.attach(self.network, flags.rank)
        self.parameters = [it for update in self.updates.values() for it in (update.a, update.b)]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=flags.rate, betas=(0.9, 0.95), weight_decay=0.0)
        self.state = self._resumed()
        self.cutter = RowCutter(self.encode, self.marks)
        self.rng = random.Random(flags.seed * 7919 + self.state.step)  # noqa: S311  # Which gaps are cut is no secret.
        self.held_out = self._held_out()

    def encode(self, text: str) -> list[int]:
        """Ids of a text; words that look like marks are text."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def run(self) -> None:
        """Take steps, note them, and keep the newest update."""
        end, saved = time.monotonic() + self.flags.minutes * 60, time.monotonic()
        started = time.monotonic()
        print(f"{len(self.files)} files, {sum(p.numel() for p in self.parameters) / 1e6:.1f} M parameters", flush=True)
        for rows in self._batches():
            now = time.monotonic()
            if now >= end:
                break
            self._step(rows, (now - started) / (end - started))
            if self.state.step % _EVALUATE_STEPS == 0:
                self._note(held_out=self._evaluate())
            if time.monotonic() - saved > _SAVE_SECONDS:
                self._save()
                saved = time.monotonic()
        self._note(held_out=self._evaluate())
        self._save()

    def _step(self, rows: Sequence[FimRow], share: float) -> None:
        """One step of the optimiser."""
        began = time.monotonic()
        fall = max(0.0, (share - DECAY_FROM) / (1 - DECAY_FROM))
        warm = min(1.0, (self.state.step + 1) / 10)
        for group in self.optimiser.param_groups:
            group["lr"] = self.flags.rate * warm * (1 - 0.9 * fall)
        total, gap, _ = self._losses(rows)
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        old, loss = self.state, float(gap)
        self.state = TuneState(
            old.step + 1,
            old.tokens + sum(len(it.ids) for it in rows),
            old.seconds + time.monotonic() - began,
            loss if old.step == 0 else 0.95 * old.loss + 0.05 * loss,
        )
        if self.state.step % 5 == 0:
            self._note()

    def _losses(self, rows: Sequence[FimRow]) -> tuple[Tensor, Tensor, Tensor]:
        """The weighted loss, the mean loss of the gaps' tokens, and the share of them predicted rightly."""
        ids, weights, in_gap = (it.to(self.device) for it in batch(rows, self.marks.end))
        targets = self.inverse[ids[:, 1:]]
        wanted = (weights[:, 1:] > 0) & (targets >= 0)
        seen = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=self.device).tril().unsqueeze(0)
        states, _ = self.network(ids, torch.arange(ids.shape[1], device=self.device).unsqueeze(0), seen)
        logits = F.linear(states[:, :-1][wanted], self.head).float()
        each = F.cross_entropy(logits, targets[wanted], reduction="none")
        weight, gap = weights[:, 1:][wanted], in_gap[:, 1:][wanted]
        right = (logits.detach().argmax(-1) == targets[wanted])[gap].float().mean()
        return (each * weight).sum() / weight.sum(), each.detach()[gap].mean(), right

    @torch.no_grad()
    def _evaluate(self) -> tuple[float, float]:
        """Mean loss of held-out gaps' tokens in nats, and the share predicted rightly."""
        found = [self._losses(self.held_out[it : it + 4])[1:] for it in range(0, len(self.held_out), 4)]
        return sum(float(a) for a, _ in found) / len(found), sum(float(b) for _, b in found) / len(found)

    def _held_out(self) -> list[FimRow]:
        files = [it for folder in self.flags.corpus for it in read_corpus(folder, "heldout")]
        rng = random.Random(1)  # noqa: S311
        rng.shuffle(files)
        rows = [self.cutter.row(it.text, "", rng) for it in files if len(it.text) > SMALLEST_FILE]
        return sorted([it for it in rows if it][:HELD_OUT_ROWS], key=lambda it: len(it.ids))

    def _batches(self) -> Iterator[list[FimRow]]:
        """Rows without end, of like length in a batch."""
        size = self.flags.rows
        while True:
            pool: list[FimRow] = []
            while len(pool) < size * POOL:
                file = self.rng.choice(self.files)
                if self.rng.random() > file.weight:
                    continue
                other = self.rng.choice(self.projects[file.project])
                row = self.cutter.row(file.text, other.text, self.rng)
                pool += [row] if row else []
            pool.sort(key=lambda it: len(it.ids))
            batches = [pool[it : it + size] for it in range(0, len(pool), size)]
            self.rng.shuffle(batches)
            yield from batches

    def _note(self, held_out: tuple[float, float] | None = None) -> None:
        row = asdict(self.state) | ({"held_out": held_out[0], "held_out_right": held_out[1]} if held_out else {})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({name: round(value, 4) for name, value in row.items()}) + "\n")
        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)

    def _save(self) -> None:
        """Write the update and the optimiser; a run killed here goes on from the one before."""
        low_rank.save(self.folder / "update", self.updates, self.flags.base, torch.float32)
        state = self.optimiser.state_dict()["state"]
        moments = {f"{number}.{name}": value for number, it in state.items() for name, value in it.items()}
        part = self.folder / "optimiser.safetensors.part"
        save_file({name: value.contiguous() for name, value in moments.items()}, part)
        part.replace(self.folder / "optimiser.safetensors")
        (self.folder / "state.json.part").write_text(json.dumps(asdict(self.state)), encoding="utf-8")
        (self.folder / "state.json.part").replace(self.folder / "state.json")

    def _resumed(self) -> TuneState:
        """Go on from the run's newest update, or begin from `--init`."""
        if not (self.folder / "state.json").exists():
            if self.flags.init:
                low_rank.restore(self.updates, self.flags.init)
            return TuneState()
        low_rank.restore(self.updates, self.folder / "update")
        stored = load_file(self.folder / "optimiser.safetensors")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in stored.items():
            number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        return replace(TuneState(**json.loads((self.folder / "state.json").read_text(encoding="utf-8"))))


def load_network(source: GgufFile, head: Tensor) -> tuple[Transformer, Tensor]:
    """The network in float32, its output matrix cut down to the rows of `head`: (V, D), beside it."""
    with torch.device("meta"):
        network = Transformer(replace(source.shape, tied=False))
    weights = dict(source.tensors())
    output = weights.pop("lm_head.weight", weights["model.embed_tokens.weight"])[head].clone()
    network.lm_head = torch.nn.Identity()  # type: ignore[assignment]  # Losses are taken over fewer tokens.
    network.load_state_dict({name: it.clone() for name, it in weights.items()}, assign=True)
    return network, output
