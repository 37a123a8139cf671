"""Shows the holes of a canvas to a text critic, and maps the critic's spans back to the canvas."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from infill_model.denoising.canvas import Canvas
from infill_model.infill.job import JobProgress
from infill_model.request import TextCritic
from infill_model.vocabulary import DEL, Vocabulary


@dataclass(frozen=True, slots=True)
class Judge:
    """A `RowCritic` of the canvases of some jobs.

    Attributes:
        vocabulary: for their texts.
        critic: judges the texts.
        progress: of each row's job.
        grows: whether a full hole will get more room, and is only judged after that.
    """

    vocabulary: Vocabulary
    critic: TextCritic
    progress: Sequence[JobProgress]
    grows: bool = True

    def __call__(self, canvas: Canvas, row: int) -> Tensor:
        """Return (C,) bool: positions to denoise again. A row with a full hole is judged once it has grown."""
        now = self.progress[row]
        ids, holes = canvas.ids[row].tolist(), canvas.hole[row].tolist()
        wrong = torch.zeros_like(canvas.pinned[row])
        before = [it for it in now.done if it.hole >= 0]
        texts = [
            self.vocabulary.decode([it.id for it in before if it.hole == hole])
            for hole in range(now.first_hole + max(holes) + 1)
        ]
        places: list[tuple[int, int, int, int]] = []  # position, hole, start and end of its text in the hole
        for hole in range(max(holes) + 1):
            at = [n for n, it in enumerate(holes) if it == hole]
            if self.grows and not any(ids[n] == DEL for n in at):
                return wrong
            for n, text in zip(at, self.vocabulary.pieces([ids[n] for n in at]), strict=True):
                start = len(texts[now.first_hole + hole])
                texts[now.first_hole + hole] += text
                places.append((n, now.first_hole + hole, start, start + len(text)))
        spans = self.critic(texts)
        for n, hole, start, end in places:
            wrong[n] = any(a < max(end, start + 1) and start < b for a, b in spans[hole])
        return wrong
