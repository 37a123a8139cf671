"""Draw files and cut batches of rows endlessly, in this process or in worker processes that run ahead of training."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from infill_model.data.corpus import CorpusFile
from infill_model.training.tuning.fim_rows import FimRow, RowCutter

POOL: Final = 6
"""Batches that are drawn together and sorted by length, to keep padding low."""


class FimBatches(IterableDataset[list[FimRow]]):
    """Batches of rows, of similar length within a batch; each worker draws its own."""

    def __init__(self, files: Sequence[CorpusFile], cutter: RowCutter, rows: int, seed: int) -> None:
        """Set up the batches.

        Args:
            files: the files to draw from, each as often as its weight says.
            cutter: makes rows from files.
            rows: rows per batch.
            seed: must differ from the seed of earlier batches when a run resumes.
        """
        self._files, self._cutter, self._rows, self._seed = files, cutter, rows, seed
        self._projects: dict[str, list[CorpusFile]] = {}
        for file in files:
            self._projects.setdefault(file.project, []).append(file)

    def __iter__(self) -> Iterator[list[FimRow]]:
        worker = get_worker_info()
        rng = random.Random(f"{self._seed}:{worker.id if worker else 0}")  # noqa: S311  # Which gaps are cut is no secret.
        while True:
            pool = sorted((self._row(rng) for _ in range(self._rows * POOL)), key=lambda it: len(it.ids))
            batches = [pool[it : it + self._rows] for it in range(0, len(pool), self._rows)]
            rng.shuffle(batches)
            yield from batches

    def loader(self, workers: int) -> Iterator[list[FimRow]]:
        """Return batches that `workers` processes cut ahead of time; with none, each is cut when requested."""
        ahead: dict[str, Any] = {"num_workers": workers, "prefetch_factor": 8 if workers else None}
        return iter(DataLoader(self, batch_size=None, collate_fn=_unchanged, **ahead))

    def _row(self, rng: random.Random) -> FimRow:
        while True:
            file = rng.choice(self._files)
            if rng.random() > file.weight:
                continue
            other = rng.choice(self._projects[file.project])
            if row := self._cutter.row(file.text, other.text, rng):
                return row


def _unchanged(rows: list[FimRow]) -> list[FimRow]:
    return rows
