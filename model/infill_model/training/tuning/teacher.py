"""A larger converted model whose distributions a tuned model learns, in place of the tokens of the corpus.

A token says little about what else could have stood there; the distribution of a model that knows more says it for
every place, and so a step learns more from the same row (arXiv 1503.02531). Shapes: T tokens of a row, k of them
predicted, V tokens of the trimmed head.
"""

from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from infill_model.errors import TrainingError
from infill_model.packing.converted import read
from infill_model.transformer.packed import CausalNetwork

_POSITIONS: Final = 2048


class Teacher:
    """A converted model, packed as it runs, that is asked for its distribution at places of a row."""

    def __init__(self, path: Path, head_ids: Tensor, device: str) -> None:
        """Load the model.

        Args:
            path: a file that `convert` wrote.
            head_ids: (V,) int64, the tokens over which the learner predicts.
            device: of the learner.

        Raises:
            WeightsError: the file cannot be read.
            TrainingError: the model writes other tokens.
        """
        stored = read(path)
        self._network = CausalNetwork(stored.shape, stored.weights, device, _POSITIONS)
        self._device = device
        if not torch.equal(self._network.head_ids, head_ids.cpu()):
            raise TrainingError(f"{path}: writes other tokens than the model to tune, so it cannot teach it")

    @torch.no_grad()
    def logits(self, ids: Tensor, wanted: Tensor) -> Tensor:
        """Return its logits (k, V) float32 for the tokens after those of `ids` (T,) where `wanted` (T,) bool."""
        places = torch.arange(len(ids), device=self._device)
        causal = places.unsqueeze(0) <= places.unsqueeze(1)
        states, _ = self._network.run(ids, places, causal, self._network.cache(len(ids)), 0)
        return self._network.logits(states[wanted])
