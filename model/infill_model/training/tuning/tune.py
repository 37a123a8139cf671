"""`infill-model tune`: fine-tune a published causal code model for this project's row order with a low-rank update.

The loss is next-token loss on the gap, with a smaller weight on the code right before it. A run is a folder: it
resumes where it was stopped, and its newest update is always complete. Shapes: B rows, T tokens, D width, V tokens of
the trimmed head.
"""

import argparse
import json
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor

from infill_model.catalogue.published import STATED_PARENT
from infill_model.data.corpus import read_corpus
from infill_model.errors import TrainingError
from infill_model.evaluation.tasks.record import sha256
from infill_model.packing import low_rank
from infill_model.packing.converted import head_ids
from infill_model.packing.fim import FimMarks
from infill_model.packing.gguf_file import GgufFile
from infill_model.training.timing import product_rate
from infill_model.training.tuning.fim_batches import FimBatches
from infill_model.training.tuning.fim_rows import FimRow, RowCutter, batch
from infill_model.training.tuning.int8 import to_int8
from infill_model.transformer.transformer import Transformer

SMALLEST_FILE: Final = 1200
DECAY_FROM: Final = 0.7
"""Share of the run after which the learning rate begins to fall, to a tenth at the end."""

_EVALUATE_STEPS: Final = 40
_EVALUATE_SECONDS: Final = 30
_EVALUATED_TOGETHER: Final = 4
_TOGETHER: Final = 1
"""Rows that a CPU computes together; more are no faster, and take more memory."""

_PARAMETER: Final = "parameter"
"""The name of a float32 parameter among the optimiser's state."""

_PRODUCT: Final = {"cpu": 1024, "cuda": 8192}
"""Sizes of the square matrix products that measure a device's speed."""


@dataclass(frozen=True, slots=True)
class TuneState:
    """The progress of a run; `seconds` of training, `loss` of gaps in nats, averaged over about twenty steps."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = 0.0


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `tune`."""
    parser.add_argument("--gguf", type=Path, required=True, metavar="FILE", help="the model to tune")
    parser.add_argument(
        "--corpus", type=Path, required=True, action="append", metavar="DIR", help="a corpus; may be repeated"
    )
    parser.add_argument(
        "--run",
        dest="folder",
        type=Path,
        required=True,
        metavar="DIR",
        help="update, optimiser and log; resumed if it exists",
    )
    parser.add_argument("--base", default="Qwen/Qwen2.5-Coder-0.5B-Instruct", help="the model's name, for the record")
    parser.add_argument("--init", type=Path, metavar="DIR", help="an update to start a new run from")
    parser.add_argument("--minutes", type=float, default=60, help="length of the run and of the rate schedule")
    parser.add_argument("--rows", type=int, default=2, help="rows per step (default: 2)")
    parser.add_argument("--rank", type=int, default=16, help="rank of the update (default: 16)")
    parser.add_argument("--rate", type=float, default=3e-4, help="the learning rate (default: 3e-4)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument(
        "--int8",
        action=argparse.BooleanOptionalAction,
        help="frozen layers in int8 (default: on a CPU, and only there)",
    )
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, help="compile the layers; takes a minute at the start"
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that prepare rows (default: 0)")
    parser.add_argument("--held-out", type=int, default=24, help="rows to measure on (default: 24)")
    parser.add_argument("--save-seconds", type=float, default=420, help="seconds between saves (default: 420)")
    parser.add_argument("--threads", type=int, default=None, help="CPU threads that a step may use")
    parser.add_argument("--seed", type=int, default=0)


def run(flags: argparse.Namespace) -> None:
    """Tune until the time is up."""
    if flags.threads:
        torch.set_num_threads(flags.threads)
    torch.manual_seed(flags.seed)
    Tuner(flags).run()


class Tuner:
    """One fine-tuning run."""

    def __init__(self, flags: argparse.Namespace) -> None:
        self.flags, self.folder = flags, flags.folder
        self.device = torch.device(flags.device)
        on_cpu = self.device.type == "cpu"
        if flags.int8 and not on_cpu:
            raise TrainingError("--int8 needs --device cpu: other devices have no such products here")
        self.folder.mkdir(parents=True, exist_ok=True)
        source = GgufFile(flags.gguf)
        self._parent = sha256(flags.gguf)
        self.marks = FimMarks.of({source.tokens.tokens[it]: it for it in source.tokens.special})
        self.head_ids = head_ids(self.marks.end, source.shape.vocabulary)
        self._frozen = torch.float32 if self.device.type == "cpu" else torch.bfloat16
        network, head = load_network(source, self.head_ids, self._frozen)
        self.network, self.head = network.to(self.device), head.to(self.device)
        self.inverse = torch.full((source.shape.vocabulary,), -1, device=self.device)
        self.inverse[self.head_ids] = torch.arange(len(self.head_ids), device=self.device)
        self.updates = low_rank.attach(self.network, flags.rank)
        if on_cpu and flags.int8 is not False:
            to_int8(self.updates)
        self.parameters = [it for update in self.updates.values() for it in (update.a, update.b)]
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=flags.rate, betas=(0.9, 0.95), weight_decay=0.0, fused=self.device.type == "cuda"
        )
        self.state = self._resumed()
        if flags.compile:
            for layer in self.network.model.layers:
                layer.compile(dynamic=True)
        tokenizer = source.tokens.tokenizer()
        tokenizer.encode_special_tokens = True
        self.cutter = RowCutter(partial(encode, tokenizer), self.marks)
        self.held_out = self._held_out()
        self._together = flags.rows if self.device.type == "cuda" else min(flags.rows, _TOGETHER)
        self._peak = product_rate(self._frozen, self.device, _PRODUCT.get(self.device.type, 1024))
        self._noted = self.state

    def run(self) -> None:
        """Run the training steps, log them, and keep the newest update."""
        files = [it for folder in self.flags.corpus for it in read_corpus(folder, "train")]
        files = [it for it in files if len(it.text) > SMALLEST_FILE]
        print(f"{len(files)} files, {sum(p.numel() for p in self.parameters) / 1e6:.1f} M parameters", flush=True)
        batches = FimBatches(files, self.cutter, self.flags.rows, self.flags.seed * 7919 + self.state.step)
        started = saved = evaluated = last = time.monotonic()
        end = started + self.flags.minutes * 60
        for rows in batches.loader(self.flags.workers):
            if time.monotonic() >= end:
                break
            loss = self._step(rows, (time.monotonic() - started) / (end - started))
            self._count(rows, loss, time.monotonic() - last)
            if self.state.step % _EVALUATE_STEPS == 0 and time.monotonic() - evaluated > _EVALUATE_SECONDS:
                self._note(held_out=self._evaluate())
                evaluated = time.monotonic()
            if time.monotonic() - saved > self.flags.save_seconds:
                self._save()
                saved = time.monotonic()
            last = time.monotonic()
        self._note(held_out=self._evaluate())
        self._save()

    def _step(self, rows: Sequence[FimRow], share: float) -> float:
        """Run one step of the optimiser and return the mean loss of the gaps' tokens, in nats."""
        fall = max(0.0, (share - DECAY_FROM) / (1 - DECAY_FROM))
        warm = min(1.0, (self.state.step + 1) / 10)
        for group in self.optimiser.param_groups:
            group["lr"] = self.flags.rate * warm * (1 - 0.9 * fall)
        loss = self._gradients(rows)
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        return loss

    def _gradients(self, rows: Sequence[FimRow]) -> float:
        """Compute the gradients of a batch, with as many rows at a time as fit in the device's memory."""
        while True:
            self.optimiser.zero_grad(set_to_none=True)
            try:
                return self._accumulated(rows)
            except torch.OutOfMemoryError:
                if self._together == 1:
                    raise
            self._together = -(-self._together // 2)
            print(f"too little memory; {self._together} rows together from now on", flush=True)
            torch.cuda.empty_cache()

    def _accumulated(self, rows: Sequence[FimRow]) -> float:
        whole = sum(sum(it.weights[1:]) for it in rows)
        gaps = list[Tensor]()
        for first in range(0, len(rows), self._together):
            total, gap, _ = self._losses(rows[first : first + self._together])
            (total / whole).backward()  # type: ignore[no-untyped-call]
            gaps.append(gap)
        return float(torch.cat(gaps).mean())

    def _count(self, rows: Sequence[FimRow], loss: float, seconds: float) -> None:
        old = self.state
        self.state = TuneState(
            old.step + 1,
            old.tokens + sum(len(it.ids) for it in rows),
            old.seconds + seconds,
            loss if old.step == 0 else 0.95 * old.loss + 0.05 * loss,
        )
        if self.state.step % 5 == 0:
            self._note()

    def _losses(self, rows: Sequence[FimRow]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the sum of the weighted losses and, for each gap token (k,), its loss and whether it is predicted."""
        ids, weights, in_gap = (it.to(self.device, non_blocking=True) for it in batch(rows, self.marks.end))
        targets = self.inverse[ids[:, 1:]]
        wanted = (weights[:, 1:] > 0) & (targets >= 0)
        states, _ = self.network(ids, torch.arange(ids.shape[1], device=self.device).unsqueeze(0))
        logits = F.linear(states[:, :-1][wanted], self.head).float()
        gap = in_gap[:, 1:][wanted]
        end = self.inverse[self.marks.end]
        logits[:, end] = logits[:, end].masked_fill(~gap, -torch.inf)  # How probable an end is, only gaps teach.
        each = F.cross_entropy(logits, targets[wanted], reduction="none")
        right = (logits.detach()[gap].argmax(-1) == targets[wanted][gap]).float()
        return (each * weights[:, 1:][wanted]).sum(), each.detach()[gap], right

    @torch.no_grad()
    def _evaluate(self) -> tuple[float, float]:
        """Return the mean loss of held-out gap tokens in nats, and the share predicted correctly."""
        size = min(self._together, _EVALUATED_TOGETHER)
        found = [self._losses(self.held_out[it : it + size])[1:] for it in range(0, len(self.held_out), size)]
        losses, right = (torch.cat(it) for it in zip(*found, strict=True))
        return float(losses.mean()), float(right.mean())

    def _held_out(self) -> list[FimRow]:
        files = [it for folder in self.flags.corpus for it in read_corpus(folder, "heldout")]
        rng = random.Random(1)  # noqa: S311
        rng.shuffle(files)
        cut = (self.cutter.row(it.text, "", rng) for it in files if len(it.text) > SMALLEST_FILE)
        rows = [it for it, _ in zip(filter(None, cut), range(self.flags.held_out), strict=False)]
        return sorted(rows, key=lambda it: len(it.ids))

    def _note(self, held_out: tuple[float, float] | None = None) -> None:
        row = asdict(self.state) | self._speed()
        if held_out:
            row |= {"held_out": held_out[0], "held_out_right": held_out[1]}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps({name: round(value, 4) for name, value in row.items()}) + "\n")
        print(" ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)

    def _speed(self) -> dict[str, float]:
        """Return, since the last log entry, tokens per second and their FLOP/s as a share of unquantised products'.

        Frozen weights count a forward and the gradients of their inputs; the update also counts the gradients of its
        weights; the head counts only tokens with a weight, assumed to be one in three. Attention is not counted. In
        int8 the share can exceed 1.
        """
        tokens, seconds = self.state.tokens - self._noted.tokens, self.state.seconds - self._noted.seconds
        self._noted = self.state
        if not seconds:
            return {}
        update = sum(it.numel() for it in self.parameters)
        frozen = sum(it.size for it in self.updates.values()) + self.head.numel() / 3
        rate = (4 * frozen + 6 * update) * tokens / seconds
        return {"tokens_per_second": tokens / seconds, "share_of_peak": rate / self._peak}

    def _save(self) -> None:
        """Write the update and what a resumed run needs; a run killed during the save resumes from the previous one.

        The update is in bfloat16, as one is shipped, and states its parent; the run goes on from float32.
        """
        update = self.folder / "update"
        low_rank.save(update, self.updates, self.flags.base)
        (update / STATED_PARENT).write_text(self._parent + "\n", encoding="ascii")
        state = self.optimiser.state_dict()["state"]
        kept = {f"{number}.{name}": value for number, it in state.items() for name, value in it.items()}
        kept |= {f"{number}.{_PARAMETER}": it.detach() for number, it in enumerate(self.parameters)}
        part = self.folder / "optimiser.safetensors.part"
        save_file({name: value.contiguous() for name, value in kept.items()}, part)
        part.replace(self.folder / "optimiser.safetensors")
        (self.folder / "state.json.part").write_text(json.dumps(asdict(self.state)), encoding="utf-8")
        (self.folder / "state.json.part").replace(self.folder / "state.json")

    def _resumed(self) -> TuneState:
        """Resume from the run's newest update, or begin from `--init`."""
        if not (self.folder / "state.json").exists():
            if self.flags.init:
                low_rank.restore(self.updates, self.flags.init)
            return TuneState()
        low_rank.restore(self.updates, self.folder / "update")
        stored = load_file(self.folder / "optimiser.safetensors")
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in stored.items():
            number, name = key.split(".")
            if name == _PARAMETER:
                self.parameters[int(number)].data.copy_(value)
            else:
                state.setdefault(int(number), {})[name] = value
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        return replace(TuneState(**json.loads((self.folder / "state.json").read_text(encoding="utf-8"))))


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the ids of a text; strings that look like special tokens are encoded as text."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def load_network(source: GgufFile, head: Tensor, dtype: torch.dtype) -> tuple[Transformer, Tensor]:
    """Return the network, reading left to right, and its output matrix (V, D), cut down to the rows of `head`."""
    with torch.device("meta"):
        network = Transformer(replace(source.shape, tied=False, causal=True))
    weights = dict(source.tensors(dtype))
    output = weights.pop("lm_head.weight", weights["model.embed_tokens.weight"])[head]
    network.lm_head = torch.nn.Identity()  # type: ignore[assignment]  # Losses are taken over fewer tokens.
    network.load_state_dict(weights, assign=True)
    return network, output
