"""`python -m infill_model.training.methods.mamba_speed`: what attention and Mamba-2 cost over long contexts.

Measures one layer over a whole context, as a denoiser without a cached context needs it for each step, and the step
that the product takes, in which a canvas attends to a context that is cached already.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

from infill_model.embedded.network import Attention, Shape, rotary_table
from infill_model.evaluation.tasks.flags import count
from infill_model.evaluation.tasks.record import ResultRecord, record, to_json, write_text
from infill_model.training.loop import SIZES, shape_of
from infill_model.training.methods.command import answered, check_place
from infill_model.training.methods.mamba import Bidirectional, HybridShape, Mamba2

LENGTHS: Final = (512, 2048, 8192, 32768)

CANVAS: Final = 64

LONGEST: Final = 1.0
"""Seconds after which a measurement is not repeated."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Milliseconds and MiB beyond its input and weights that a layer takes over a context of some tokens."""

    mixer: str
    tokens: int
    ms: float
    mib: float


@dataclass(frozen=True, slots=True)
class LayerCosts:
    """The contents of the result file."""

    record: ResultRecord
    costs: tuple[LayerCost, ...]


@torch.no_grad()
def layers(shape: Shape, tokens: int) -> dict[str, Callable[[], Tensor]]:
    """Return what is measured over a context of some tokens, by name."""
    x, canvas = torch.randn(1, tokens, shape.width), torch.randn(1, CANVAS, shape.width)
    mixers = ("mamba",) * (shape.encoder_layers + shape.denoiser_layers)
    attention, sizes = Attention(shape), HybridShape.of(shape, mixers).state
    rotary = rotary_table(_long(shape, tokens))
    cached = torch.randn(2, 1, shape.kv_heads, tokens, shape.head_width)
    onward, both = Mamba2(sizes), Bidirectional(sizes)

    def attend(own: Tensor, at: Tensor, *, causal: bool, before: Tensor | None = None) -> Tensor:
        q, k, v = attention.project(own, at)
        if before is not None:
            k, v = torch.cat([before[0], k], dim=2), torch.cat([before[1], v], dim=2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=True)
        out: Tensor = attention.out(y.transpose(1, 2).flatten(2))
        return out

    return {
        "attention, one direction": lambda: attend(x, rotary[:, :tokens], causal=True),
        "attention, both directions": lambda: attend(x, rotary[:, :tokens], causal=False),
        "mamba, one direction": lambda: onward(x),
        "mamba, both directions": lambda: both(x),
        "a cached step's attention": lambda: attend(canvas, rotary[:, :CANVAS], causal=False, before=cached),
    }


def _long(shape: Shape, tokens: int) -> Shape:
    return Shape(**{**{name: getattr(shape, name) for name in Shape.__slots__}, "context": tokens})


def cost(shape: Shape, tokens: int, mixer: str) -> LayerCost:
    """Measure one layer in a process of its own: the least of several times, and the growth of its peak memory."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_cost, (shape, tokens, mixer))


@torch.no_grad()
def _cost(shape: Shape, tokens: int, mixer: str) -> LayerCost:
    torch.set_num_threads(1)
    layers(shape, 64)[mixer]()  # Chooses kernels.
    run = layers(shape, tokens)[mixer]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times = [_seconds(run)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    while sum(times) < LONGEST and len(times) < 20:
        times.append(_seconds(run))
    return LayerCost(mixer, tokens, round(min(times) * 1000, 2), round((peak - before) / 1024, 1))


def _seconds(run: Callable[[], Tensor]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def plot(costs: Sequence[LayerCost], path: Path) -> None:
    """Plot milliseconds and memory against the length of the context."""
    import matplotlib as mpl  # noqa: PLC0415  # It takes a second, and the spawned processes need none.

    mpl.use("Agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.8), dpi=100)
    for mixer in dict.fromkeys(it.mixer for it in costs):
        own = [it for it in costs if it.mixer == mixer]
        axes[0].plot([it.tokens for it in own], [it.ms for it in own], "o-", markersize=3, label=mixer)
        axes[1].plot([it.tokens for it in own], [max(it.mib, 0.1) for it in own], "o-", markersize=3)
    for axis, title in zip(axes, ("ms of a layer, one thread", "MiB at its peak"), strict=True):
        axis.set(xscale="log", yscale="log", xlabel="tokens of context", title=title)
        axis.set_xticks(sorted({it.tokens for it in costs}), [str(it) for it in sorted({it.tokens for it in costs})])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path)
    plt.close(figure)


def measure(size: str, lengths: Sequence[int], out: Path, words: Sequence[str]) -> None:
    """Measure all layers at all lengths; write a .json and a .png file."""
    shape = shape_of(size)
    costs = [cost(shape, tokens, mixer) for mixer in layers(shape, 64) for tokens in lengths]
    for it in costs:
        print(f"{it.mixer:28} {it.tokens:6} tokens {it.ms:10.2f} ms {it.mib:8.1f} MiB")
    made = record(["-m", "infill_model.training.methods.mamba_speed", *words], program="python")
    write_text(out, to_json(LayerCosts(made, tuple(costs))))
    plot(costs, out.with_suffix(".png"))


def main(words: Sequence[str]) -> int:
    """Run the measurement; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .json file; a .png goes beside it")
    parser.add_argument("--size", choices=SIZES, default="small", help="of the layers (small)")
    parser.add_argument(
        "--lengths", type=count, nargs="+", default=list(LENGTHS), metavar="N", help="tokens of context"
    )
    chosen = parser.parse_args(words)

    def whole() -> None:
        check_place(chosen.out)
        measure(chosen.size, chosen.lengths, chosen.out, words)

    return answered(whole, "mamba_speed")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
