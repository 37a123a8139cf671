"""`python -m infill_model.checkpoints.probe`: how fast a size of network is on this device, told with random weights.

On a GPU with enough memory the whole network is run; otherwise one layer is timed and its time multiplied, so that a
size can be measured without its memory. Prints a `sizes.Probe` for each size, as a line of JSON. Needs no checkpoint.
"""

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import torch

from infill_model.catalogue.sizes import SIZES, Probe, Size
from infill_model.errors import WeightsError
from infill_model.files.placing import placing
from infill_model.transformer.transformer import KeysValues, Transformer, TransformerShape

CONTEXT: Final = 2048
CANVASES: Final = (32, 64)
_ROOM: Final = 1.3
"""How many times the size of its weights a network needs to run."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A network of random weights, or a layer and a part of its head.

    Attributes:
        network: with all layers, or one.
        times: the factor for the time of the layers.
        head_times: the factor for the time of the output matrix.
    """

    network: Transformer
    times: int
    head_times: int

    @classmethod
    def of(cls, size: Size, dtype: torch.dtype, device: str, *, whole: bool) -> "Bench":
        """Build a network on a device."""
        layers, part = (size.layers, 1) if whole else (1, 8)
        shape = TransformerShape(
            vocabulary=size.vocabulary // part,
            width=size.width,
            layers=layers,
            heads=size.heads,
            kv_heads=size.kv_heads,
            head_width=size.head_width,
            rotary_width=size.head_width,
            mlp_width=size.mlp_width,
            theta=1e6,
            eps=1e-6,
            tied=True,
        )
        with torch.device("meta"):
            network = Transformer(shape)
        network = network.to_empty(device=device).to(dtype)
        network.lm_head.weight = network.model.embed_tokens.weight
        for it in network.parameters():
            it.data.normal_(std=it.shape[-1] ** -0.5)
        return cls(network.eval().requires_grad_(False), size.layers // layers, part)

    def milliseconds(self, tokens: int, canvas: int, past: Sequence[KeysValues] | None, *, compiled: bool) -> float:
        """Time a forward pass over this many tokens, with logits of the last `canvas` of them; the best of a few."""
        device, start = self.network.device, 0 if past is None else past[0][0].shape[2]
        ids = torch.randint(self.network.shape.vocabulary, (1, tokens), device=device)
        positions = torch.arange(start, start + tokens, device=device).unsqueeze(0)
        states = torch.randn(1, canvas, self.network.shape.width, device=device, dtype=self._dtype)
        trunk: Callable[[], object] = lambda: self.network(ids, positions, None, past)  # noqa: E731
        head: Callable[[], object] = lambda: self.network.logits(states)  # noqa: E731
        if compiled:  # Shapes are fixed, so that the launches can be recorded once and replayed.
            trunk, head = (torch.compile(it, mode="reduce-overhead", dynamic=False) for it in (trunk, head))
        layers = best(trunk, device)
        return layers * self.times + (best(head, device) * self.head_times if canvas else 0.0)

    @property
    def _dtype(self) -> torch.dtype:
        return self.network.model.embed_tokens.weight.dtype


def best(work: Callable[[], object], device: torch.device, *, seconds: float = 1.0, most: int = 20) -> float:
    """Return the milliseconds of the fastest of at least two runs, after a warm-up run that is not counted."""
    found: list[float] = []
    began = time.perf_counter()
    with torch.no_grad():
        for run in range(most + 1):
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            elif device.type == "mps":
                torch.mps.synchronize()
            if run:
                found.append((time.perf_counter() - start) * 1e3)
            if len(found) >= 2 and time.perf_counter() - began > seconds:
                break
    return min(found)


def probe(size: Size, device: str, dtype: str, *, whole: bool | None = None) -> Probe:
    """Measure a size.

    Args:
        size: of the network.
        device: as in the settings.
        dtype: as in the settings; packed weights are not timed.
        whole: whether to run all layers; None: on a GPU, if they fit.

    Raises:
        WeightsError: there is no such device or dtype.
    """
    where = placing(device, dtype)
    if where.bits or where.spread:
        raise WeightsError("the probe times float32, bfloat16 and float16 on one device")
    each = torch.finfo(where.dtype).bits // 8
    if whole is None:
        whole = where.device == "cuda" and size.parameters * each * _ROOM < memory(where.device)
    bench = Bench.of(size, where.dtype, where.device, whole=whole)
    one = torch.zeros(1, size.kv_heads, CONTEXT, size.head_width, device=where.device, dtype=where.dtype)
    past = [(one, one)] * bench.network.shape.layers
    compiled = where.device == "cuda" and _pays(bench, past)
    cached = {str(it): round(bench.milliseconds(it, it, past, compiled=compiled), 2) for it in CANVASES}
    rate = bandwidth(where.device)
    floor = (size.layers * size.layer_weights + size.head_weights) * each / rate / 1e6
    around = {it: bench.milliseconds(CONTEXT + it, it, None, compiled=compiled) for it in CANVASES}
    return Probe(
        size=size.name,
        device=device_name(where.device),
        dtype=str(where.dtype).removeprefix("torch."),
        whole=whole,
        compiled=compiled,
        prefill_ms=round(bench.milliseconds(CONTEXT, 0, None, compiled=compiled), 2),
        step_ms=cached,
        uncached_ms={str(it): round(ms, 2) for it, ms in around.items()},
        bandwidth=round(rate, 1),
        floor_share=round(floor / cached[str(CANVASES[0])], 3),
    )


def _pays(bench: Bench, past: Sequence[KeysValues]) -> bool:
    """Report whether compilation makes a step faster; it does not if it is not possible at all."""
    plain = bench.milliseconds(CANVASES[0], CANVASES[0], past, compiled=False)
    try:
        return bench.milliseconds(CANVASES[0], CANVASES[0], past, compiled=True) < 0.95 * plain
    except Exception as error:  # A compiler, Triton or memory may be missing.
        print(f"torch.compile does not work here: {error!r}", file=sys.stderr)
        return False


def bandwidth(device: str) -> float:
    """Measure the GB per second that can be read and written, by copying a tensor that fits no cache."""
    size = 2**27 if device == "cpu" else 2**30
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    return 2 * size / best(lambda: target.copy_(source), source.device, seconds=0.5) / 1e6


def memory(device: str) -> float:
    """Return a device's total memory in bytes; 0 for a CPU."""
    if device == "cuda":
        return float(torch.cuda.mem_get_info()[1])
    if device == "mps":
        return float(torch.mps.recommended_max_memory())
    return 0.0


def device_name(device: str) -> str:
    """Return the device's display name."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    return f"{device} ({platform.machine()}, {torch.get_num_threads()} threads)" if device == "cpu" else device


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line of JSON for each requested size, or the device and its memory if none is requested."""
    parser = argparse.ArgumentParser(prog="infill_model.checkpoints.probe", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", nargs="+", default=[], choices=[it.name for it in SIZES])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--dtype", default="auto")
    parser.add_argument("--threads", type=int, default=None)
    chosen = parser.parse_args(arguments)
    if chosen.threads:
        torch.set_num_threads(chosen.threads)
    try:
        if not chosen.sizes:
            device = placing(chosen.device, "auto").device
            print(json.dumps({"device": device, "name": device_name(device), "memory": memory(device)}))
        for size in SIZES:
            if size.name in chosen.sizes:
                print(json.dumps(asdict(probe(size, chosen.device, chosen.dtype))), flush=True)
    except WeightsError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
