"""Fills requests in one pass: drafts from all sources, scored together, and the best returned.

Each request is laid out once. The denoiser's drafts are written in one batch; together with copies and the current text
of the gaps they are scored in one forward pass of the encoder, on top of the context already encoded for the denoiser.
The chosen fills are built from these scores. A copy is denoised only if that may change it.
"""

import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from infill_model.filler import OnDraft
from infill_model.infill.beam import Hypothesis, Scored
from infill_model.infill.block_loop import BlockLoop
from infill_model.infill.copied import copies_for, fill_of_copy, undenoised
from infill_model.infill.job import Job, JobProgress
from infill_model.infill.mixture import Texts
from infill_model.infill.ranking import Ranking
from infill_model.request import Fill, Options, Request, TextCritic, Token

UNBEATABLE = 0.5
"""A copy with this probability is hardly ever outweighed, so nothing else is drafted if one fill is wanted."""


@dataclass(frozen=True, slots=True)
class _Opened:
    """A request, laid out.

    Attributes:
        request: to be filled.
        masked: its canvas, with nothing but masks in the gaps.
        copies: those that fit, with their probabilities, the most probable first.
        drafts: to be denoised.
    """

    request: Request
    masked: Job
    copies: Mapping[Texts, float]
    drafts: Sequence[Job]


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A fill, and the job that will revise or repair it, if any."""

    fill: Fill
    job: Job | None = None


class Filling:
    """Fills requests, all with the same options."""

    def __init__(
        self,
        ranking: Ranking,
        loop: BlockLoop,
        options: Options,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> None:
        """Set up the pass.

        Args:
            ranking: of the model, which also holds its denoiser and its layout.
            loop: with these options and this critic.
            options: how many fills, and where drafts come from.
            critic: judges finished drafts.
            on_draft: called with the first request's greedy draft after each step.
        """
        self._ranking, self._layout, self._loop = ranking, ranking.layout, loop
        self._options, self._critic, self._on_draft = options, critic, on_draft
        self.verify_ms = 0.0

    def fills(self, requests: Sequence[Request]) -> list[list[Fill]]:
        """Return different fills of each request, the best first and at most `Options.n`."""
        self._ranking.denoiser.reserve(len(requests))
        opened = [self._opened(it) for it in requests]
        drafted = iter(self._loop.run([job for it in opened for job in it.drafts], self._on_draft))
        drafts = [list(itertools.islice(drafted, len(it.drafts))) for it in opened]
        began = time.perf_counter()
        chosen = [self._chosen(*it) for it in zip(opened, drafts, strict=True)]
        self.verify_ms += (time.perf_counter() - began) * 1000
        revised = iter(self._loop.run([it.job for choices in chosen for it in choices if it.job]))
        return [
            self._read_out(it, choices, _most_steps(own), revised)
            for it, choices, own in zip(opened, chosen, drafts, strict=True)
        ]

    def revised(self, request: Request, start: Texts) -> list[Fill]:
        """Return the current text of the gaps, revised and (if that differs) unchanged; the more probable first.

        Raises:
            StartError: the text does not fit the gaps or the canvas.
        """
        job = self._layout.started(request, start)
        (progress,) = self._loop.run([job], self._on_draft)
        revised = progress.fill(self._layout.vocabulary, len(start))
        both = list(dict.fromkeys([revised.texts, start]))
        if request.between:
            hypotheses = self._ranking.as_they_are(request, both)
        else:
            hypotheses = self._ranking.of_one_gap(job.place, both, {})
        order = sorted(hypotheses, key=lambda it: it.log_prob, reverse=True)[: self._options.n]
        fills = [
            replace(revised, score=it.score) if it.texts == revised.texts else self._as_scored(request, it)
            for it in order
        ]
        return [replace(it, forwards=revised.steps) for it in fills]

    def _opened(self, request: Request) -> _Opened:
        """Lay a request out: the greedy draft and the sampled ones; no drafts for a copy that can hardly be beaten."""
        options = self._options
        masked = self._layout.job(request, options.masks)
        found = copies_for(request) if options.retrieve else []
        copies = {texts: probability for texts, probability in found if self._layout.copied(masked, texts)}
        best, probability = next(iter(copies.items()), ((), 0.0))
        if options.n == 1 and probability >= UNBEATABLE and not self._objects(best):
            return _Opened(request, masked, copies, [])
        sampled = [replace(masked, temperature=options.temperature, seed=options.seed + n) for n in range(1, options.n)]
        return _Opened(request, masked, copies, [masked, *sampled])

    def _chosen(self, opened: _Opened, drafts: Sequence[JobProgress]) -> list[_Chosen]:
        """Choose among different drafts and copies, the most probable first.

        Those that the critic objects to come last: code that breaks the syntax is unlikely to be right.
        """
        request, copies = opened.request, opened.copies
        if not drafts:
            texts, probability = next(iter(copies.items()))
            return [self._copy(opened, fill_of_copy(request, texts, probability), objected=False)]
        greedy, *others = [it.fill(self._layout.vocabulary, len(request.between) + 1) for it in drafts]
        written = {it.texts: it for it in (*reversed(others), greedy)}  # Among equal ones the greedy draft counts.
        everything = list(dict.fromkeys((*copies, *written)))
        alone = len(everything) == 1 and not (request.between and self._options.retrieve)
        if alone or any(it.stopped == "cancelled" for it in drafts):
            return [_Chosen(greedy)]
        order = itertools.islice(self._fine_first(self._ranked(opened, everything)), self._options.n)
        chosen = [
            _Chosen(replace(written[it.texts], score=it.score))
            if it.texts in written
            else self._copy(opened, self._as_scored(request, it, it.probability), objected=objected)
            for it, objected in order
        ]
        return chosen or [_Chosen(greedy)]  # None of them fits on the canvas.

    def _ranked(self, opened: _Opened, texts: Sequence[Texts]) -> list[Hypothesis]:
        """Rank different ways to fill a request; each fits on the canvas."""
        if not opened.request.between:
            return self._ranking.of_one_gap(opened.masked.place, texts, opened.copies)
        found = self._ranking.of_several_gaps(opened.request, texts, self._options.n, retrieve=self._options.retrieve)
        return [it for it in found if it.texts in texts or self._layout.copied(opened.masked, it.texts)]

    def _copy(self, opened: _Opened, fill: Fill, *, objected: bool) -> _Chosen:
        """Wrap a copy, with a job if a remask policy may revise it or the critic wants it repaired."""
        changes = objected or self._loop.revises
        return _Chosen(fill, self._layout.copied(opened.masked, fill.texts) if changes else None)

    def _as_scored(self, request: Request, hypothesis: Hypothesis, probability: float | None = None) -> Fill:
        """Build a fill from the encoder's scores: a copy with this probability, else the current text of the gaps."""
        tokens = [self._tokens(it) for it in hypothesis.scored]
        sure = math.prod(it.confidence for gap in tokens for it in gap) if probability is None else probability
        return undenoised(
            request, hypothesis.texts, tokens, sure, score=hypothesis.score, retrieved=probability is not None
        )

    def _tokens(self, scored: Scored) -> list[Token]:
        """Return the tokens of a text with the encoder's probabilities."""
        pieces = self._layout.vocabulary.pieces(scored.ids)
        return [Token(text, math.exp(it), 0, pinned=False) for text, it in zip(pieces, scored.log_probs, strict=False)]

    def _read_out(
        self, opened: _Opened, chosen: Sequence[_Chosen], spent: int, revised: Iterator[JobProgress]
    ) -> list[Fill]:
        """Return the fills of a request, with the number of all forward passes spent on it."""
        more = [next(revised) if it.job else None for it in chosen]
        spent += _most_steps([it for it in more if it])
        fills = [
            it.fill if now is None else self._as_revised(it.fill, now) for it, now in zip(chosen, more, strict=True)
        ]
        return [replace(it, forwards=spent) for it in fills]

    def _as_revised(self, copy: Fill, progress: JobProgress) -> Fill:
        """Build the revised fill of a copy; the copy's own confidence applies only if the text is unchanged."""
        fill = progress.fill(self._layout.vocabulary, len(copy.texts))
        if fill.texts != copy.texts:
            return fill
        return replace(fill, score=copy.score, confidence=copy.confidence)

    def _objects(self, texts: Texts) -> bool:
        """Report whether the critic, if there is one, objects to any part."""
        return self._critic is not None and any(self._critic(texts))

    def _fine_first(self, hypotheses: Iterable[Hypothesis]) -> Iterator[tuple[Hypothesis, bool]]:
        """Yield hypotheses in order, those the critic objects to last; call the critic no more than necessary."""
        objected = []
        for it in hypotheses:
            if self._objects(it.texts):
                objected.append(it)
            else:
                yield it, False
        yield from ((it, True) for it in objected)


def _most_steps(progress: Sequence[JobProgress]) -> int:
    """Return the number of forward passes spent on jobs that ran in one batch."""
    return max((it.steps for it in progress), default=0)
