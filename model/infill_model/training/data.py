"""Batches for training: the seed and the step number alone decide which files a step sees.

A run that is killed and resumed therefore sees the same batches, whatever the number of worker processes.
"""

import random
from collections.abc import Sequence
from itertools import accumulate

from torch.utils.data import Dataset

from infill_model.data.corpus import CorpusFile
from infill_model.errors import TrainingError
from infill_model.training.rows import Batch, RowBuilder


class Batches(Dataset[Batch]):
    """The batches of a run: a map-style dataset whose keys are step numbers."""

    def __init__(self, files: Sequence[CorpusFile], builders: Sequence[RowBuilder], rows: int, seed: int) -> None:
        """Set up the dataset.

        Args:
            files: the files to draw from, in proportion to length and weight.
            builders: row builders of different shapes, used in turn.
            rows: rows per batch.
            seed: of the run.

        Raises:
            TrainingError: there are no files to draw from.
        """
        if not files:
            raise TrainingError("the corpus is empty; build it with `infill-model corpus`")
        self.files, self.builders, self.rows, self.seed = files, builders, rows, seed
        self._cumulative = list(accumulate(len(it.text) * it.weight for it in files))

    def __len__(self) -> int:
        return 1 << 40

    def __getitem__(self, step: int) -> Batch:
        rng = random.Random(f"{self.seed}:{step}")  # noqa: S311 - reproducible data, not a secret
        chosen = rng.choices(self.files, cum_weights=self._cumulative, k=self.rows)
        builder = self.builders[step % len(self.builders)]
        return builder.batch([(it.text, it.language) for it in chosen], rng)
