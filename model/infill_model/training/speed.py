"""Measure this machine's training speed: matrix products, a step plain and compiled, the optimiser against torch's own.

Run as `python -m infill_model.training.speed`; prints one JSON object. Batches are cut from the standard library of the
running Python, so no corpus is needed. Each figure is the median of a few runs.
"""

import argparse
import json
import random
import sysconfig
from dataclasses import replace
from pathlib import Path
from typing import Final

import torch
from torch import nn

from infill_model.embedded.folder import EMBEDDED, model_path
from infill_model.embedded.network import Network
from infill_model.training.loop import SIZES, row_builders, shape_of
from infill_model.training.loss import TensorBatch, losses
from infill_model.training.optimiser import Muon, Optimiser
from infill_model.training.timing import median_seconds, product_rate
from infill_model.vocabulary import Vocabulary

_CPU: Final = torch.device("cpu")


def batch_of(vocabulary: Vocabulary, network: Network, rows: int) -> TensorBatch:
    """Return a batch of short canvases cut from the standard library."""
    rng = random.Random(0)  # noqa: S311 - reproducible, not a secret
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    texts = [(rng.choice(files).read_text(encoding="utf-8"), "python") for _ in range(rows)]
    return TensorBatch.of(row_builders(vocabulary, network.shape)[0].batch(texts, rng), _CPU)


def measure(size: str, rows: int) -> dict[str, float]:
    """Return every figure by its name; rates are counted as 6 x parameters x tokens/s."""
    vocabulary = Vocabulary.load(model_path(EMBEDDED) / "tokenizer.json")
    network = Network(replace(shape_of(size), vocabulary=vocabulary.size)).initialise(0)
    parameters = sum(it.numel() for it in network.parameters())
    batch = batch_of(vocabulary, network, rows)
    tokens = batch.context.numel() + batch.ids.numel()
    found = {f"{name}_product_gflops": product_rate(it, _CPU) / 1e9 for name, it in _DTYPES.items()}
    for name, loss in (("plain", losses), ("compiled", torch.compile(losses, dynamic=False))):
        seconds = median_seconds(lambda loss=loss: sum(loss(network, batch)).backward(), _CPU)  # type: ignore[misc]
        found[f"{name}_tokens_per_second"] = tokens / seconds
        found[f"{name}_tflops"] = 6 * parameters * tokens / seconds / 1e12
    optimiser = Optimiser(network)
    hidden = list(optimiser.muon.param_groups[0]["params"])
    for name, muon in (("own", Muon(hidden, 0.0)), ("torch", torch.optim.Muon(hidden, 0.0))):
        found[f"muon_{name}_seconds"] = median_seconds(lambda muon=muon: _step(muon, hidden), _CPU, 3)  # type: ignore[misc]
    return {name: round(value, 4 if value < 1 else 1) for name, value in found.items()}


_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def _step(optimiser: torch.optim.Optimizer, parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.grad = torch.randn_like(parameter)
    optimiser.step()


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description="Measure how fast this machine trains.")
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--rows", type=int, default=12)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(json.dumps(measure(arguments.size, arguments.rows), indent=2))


if __name__ == "__main__":
    main()
