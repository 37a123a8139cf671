"""`python -m infill_model.training.methods.mamba_study`: Mamba-2 mixers against attention at equal budgets."""

import sys
from collections.abc import Sequence
from functools import partial

from infill_model.training.methods.command import run
from infill_model.training.methods.mamba import HybridNetwork, HybridShape
from infill_model.training.methods.plain import PlainDenoiser
from infill_model.training.methods.study import MethodRow, Study, by_confidence, canvas_loss, whole_loss


def compare(study: Study) -> list[MethodRow]:
    """Train a network with attention, two hybrids and one with mixers alone, of as many parameters each."""
    shape, rows = study.shape, []
    encoder, denoiser = shape.encoder_layers, shape.denoiser_layers
    mixers = {
        "attention": ("attention",) * (encoder + denoiser),
        "mamba in the first layer": ("mamba",) + ("attention",) * (encoder + denoiser - 1),
        "mamba in the denoiser": ("attention",) * encoder + ("mamba",) * denoiser,
        "mamba everywhere": ("mamba",) * (encoder + denoiser),
    }
    for name, its in mixers.items():
        network = HybridNetwork(HybridShape.of(shape, its)).initialise(study.seed)
        tokens = study.train(network, partial(whole_loss, network))
        loss = study.held_out_loss(partial(canvas_loss, network))
        rows.append(study.judge(name, by_confidence(PlainDenoiser(network)), loss=loss, tokens=tokens))
    return rows


def main(words: Sequence[str]) -> int:
    """Run the study; return the exit code."""
    return run(compare, words, module="infill_model.training.methods.mamba_study", description=__doc__, steps=400)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
