"""`python -m infill_model.training.methods.blocks`: block diffusion with the embedded model, by the width of a block.

Block diffusion (BD3-LM, Arriola et al., arXiv 2503.09573) denoises a block of tokens at once and one block after the
other, from one token, which is left to right, to the whole gap. Finished blocks join the encoder's context, as they do
in the product once a canvas is full. The weights are the embedded model's and were not trained for a width.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Final

import torch

from infill_model.denoising.canvas import Canvas, Piece
from infill_model.denoising.loop import denoise
from infill_model.denoising.policies import Policies
from infill_model.denoising.stop import Limits
from infill_model.embedded import folder
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.embedded.folder import EMBEDDED, model_path
from infill_model.errors import TaskError
from infill_model.evaluation.tasks.flags import count
from infill_model.evaluation.tasks.tasks import read_tasks
from infill_model.infill.job import Job, JobProgress
from infill_model.training.methods.command import answered, check_place, report
from infill_model.training.methods.study import Budget, MethodRow, Sample, Study
from infill_model.vocabulary import MASK

WIDTHS: Final = (1, 2, 4, 8, 16)
LONGEST: Final = 48
"""Tokens after which no further block begins."""


def in_blocks(denoiser: EmbeddedDenoiser, window: int, width: int, canvas: int | None = None) -> Sample:
    """Return a sampler of gaps with one hole.

    Args:
        denoiser: of the model.
        window: the most tokens of context.
        width: masks that a block starts with.
        canvas: the positions that a block may grow to; None if it keeps its width.
    """

    def sample(context: Sequence[int], at: Canvas) -> tuple[Canvas, int]:
        rest = at.ids[0, at.pinned[0]].tolist()
        progress = JobProgress(Job(context, [Piece([MASK] * width, pinned=False), Piece(rest, pinned=True)]))
        room = canvas or progress.job.width
        while True:
            job = progress.job
            drafts = denoise(
                denoiser, denoiser.encode([job.context]), Canvas.of([job.pieces]), Policies(), Limits(LONGEST)
            )
            *_, last = drafts
            progress = progress.read(last, 0)
            more = replace(progress, blocks=0).grown(window, room)
            if more is None or len(progress.done) + len(progress.row) - len(rest) >= LONGEST:
                break
            progress = more
        whole = groupby(progress.written, key=lambda it: it.hole < 0)
        return Canvas.of([[Piece([it.id for it in its], pinned) for pinned, its in whole]]), progress.steps

    return sample


def compare(study: Study, denoiser: EmbeddedDenoiser) -> list[MethodRow]:
    """Fill the gaps with blocks of each width, and with one canvas that grows."""
    window = study.shape.context
    rows = [study.judge(f"blocks of {it}", in_blocks(denoiser, window, it)) for it in WIDTHS]
    return [*rows, study.judge("one canvas that grows", in_blocks(denoiser, window, 8, study.shape.canvas))]


def main(words: Sequence[str]) -> int:
    """Run the study; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tasks", type=Path, required=True, metavar="TASKS", help="gaps; those of one hole are filled")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .json file of the results")
    parser.add_argument("--model", default=EMBEDDED, metavar="NAME|DIR", help="the model that fills (embedded)")
    parser.add_argument("--limit", type=count, default=150, metavar="N", help="gaps to fill (150)")
    parser.add_argument("--threads", type=count, default=1, metavar="N", help="threads (1)")
    chosen = parser.parse_args(words)
    return answered(lambda: _study(chosen, words), "blocks")


def _study(chosen: argparse.Namespace, words: Sequence[str]) -> None:
    check_place(chosen.out)
    torch.set_num_threads(chosen.threads)
    path = model_path(chosen.model)
    config, vocabulary, weights = folder.read(path)
    tasks = [it for it in read_tasks(chosen.tasks) if not it.between][: chosen.limit]
    if not tasks:
        raise TaskError(f"{chosen.tasks}: contains no gap of one hole")
    study = Study(vocabulary, config.shape, [], [], tasks, Budget(0))
    rows = compare(study, EmbeddedDenoiser(folder.network(config, weights, path)))
    report(rows, "infill_model.training.methods.blocks", words, chosen.out, len(tasks))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
