"""Denoises jobs to completion: runs the loop over their canvases again whenever a gap has grown or continued."""

import time
from collections.abc import Sequence

from infill_model.denoising.canvas import Canvas
from infill_model.denoising.loop import RowCritic, denoise
from infill_model.denoising.policies import Policies, remask_policy, stop_policy, unmask_policy
from infill_model.denoising.prediction import Sampling
from infill_model.denoising.remask import Keep
from infill_model.denoising.stop import Limits
from infill_model.embedded.denoiser import EmbeddedDenoiser
from infill_model.filler import OnDraft
from infill_model.infill.critic import Judge
from infill_model.infill.guidance import GuidedDenoiser
from infill_model.infill.job import Job, JobProgress
from infill_model.infill.layout import Layout
from infill_model.infill.structure import structure_of
from infill_model.infill.trace import follow
from infill_model.request import Options, TextCritic


class BlockLoop:
    """Denoises jobs with the same options.

    Attributes:
        encode_ms: milliseconds spent on encoding so far.
    """

    def __init__(
        self,
        denoiser: EmbeddedDenoiser,
        layout: Layout,
        options: Options,
        limits: Limits,
        critic: TextCritic | None = None,
    ) -> None:
        """Set up the loop.

        Args:
            denoiser: of the model.
            layout: of the jobs.
            options: the policies, and whether to keep traces.
            limits: steps, deadline and cancellation.
            critic: judges complete canvases.

        Raises:
            PolicyError: a policy's name in the options cannot be read.
        """
        self._denoiser, self._layout, self._limits, self._critic = denoiser, layout, limits, critic
        self._policies = Policies(
            unmask_policy(options.unmask), remask_policy(options.remask), stop_policy(options.stop)
        )
        self._structure = structure_of(self._policies, layout.vocabulary, layout.vocabulary.size, denoiser.device)
        self._keeps_trace = options.trace
        self.encode_ms = self.denoise_ms = 0.0

    @property
    def revises(self) -> bool:
        """Whether a canvas without masks may be changed even if the critic does not object to it."""
        return not isinstance(self._policies.remask, Keep)

    def _judge(self, progress: Sequence[JobProgress]) -> RowCritic | None:
        """Return the critic of the rows; a guided denoiser watches it."""
        if self._critic is None:
            return None
        judge = Judge(self._layout.vocabulary, self._critic, progress)
        return self._denoiser.watch(judge) if isinstance(self._denoiser, GuidedDenoiser) else judge

    def run(self, jobs: Sequence[Job], on_draft: OnDraft | None = None) -> list[JobProgress]:
        """Denoise jobs in one batch, and return their progress; each is complete unless the run was cancelled.

        Args:
            jobs: any number.
            on_draft: called with the first job after each step.
        """
        began, encoded_before = time.perf_counter(), self.encode_ms
        progress = [JobProgress(it) for it in jobs]
        going = list(range(len(jobs)))
        encoded: list[Sequence[int]] = []
        while going:
            now = [progress[it] for it in going]
            if encoded != (encoded := [it.job.context for it in now]):
                started = time.perf_counter()
                context = self._denoiser.encode(encoded)
                self.encode_ms += (time.perf_counter() - started) * 1000
            canvas = Canvas.of([it.job.pieces for it in now], self._denoiser.device)
            sampling = Sampling(
                tuple(it.job.temperature for it in now), tuple(it.job.seed + 1_000_003 * it.blocks for it in now)
            )
            judge = self._judge(now)
            drafts = denoise(
                self._denoiser,
                context,
                canvas,
                self._policies,
                self._limits,
                sampling=sampling,
                critic=judge,
                structure=self._structure,
            )
            told = on_draft if going[0] == 0 else None
            after = follow(drafts, now, self._layout.vocabulary, keep=self._keeps_trace, on_draft=told)
            grown = [it.grown(self._layout.window.tokens, self._layout.canvas) for it in after]
            for number, read, more in zip(going, after, grown, strict=True):
                progress[number] = more or read
            going = [number for number, more in zip(going, grown, strict=True) if more]
        self.denoise_ms += (time.perf_counter() - began) * 1000 - (self.encode_ms - encoded_before)
        return progress
