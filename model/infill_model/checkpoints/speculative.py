"""Drafting by diffusion, checking by autoregression: two models behind one facade.

Either the causal model checks the diffusion model's drafts, and the output is token for token what it would write
alone, in fewer forward passes of its own if the drafts are right; or it only ranks several finished drafts by their
probability, one forward pass each. The models exchange text, so their tokenizers may differ.

Must not depend on a particular family, networks or tokens.
"""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Literal

from infill_model.checkpoints.causal import CausalInfiller
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.sequential import one_by_one
from infill_model.request import ANY_LANGUAGE, Fill, Info, Options, Request, TextCritic, Timing

VerifyBy = Literal["exact", "rank"]
DRAFTS: Final = 4
"""How often a gap is drafted again after a token that the causal model chose differently; then it continues alone."""
RANKED: Final = 4
"""The minimum number of drafts to choose from when ranking."""


class VerifiedInfiller(Filler):
    """A model that drafts and a causal one that checks."""

    def __init__(self, drafter: Filler, verifier: CausalInfiller, way: VerifyBy = "exact") -> None:
        self.drafter, self.verifier, self.way = drafter, verifier, way

    @property
    def info(self) -> Info:
        """The drafter's description of itself, under both names and with the parameters of both."""
        it, other = self.drafter.info, self.verifier.info
        languages = other.languages if ANY_LANGUAGE in it.languages else tuple(filter(other.knows, it.languages))
        word = "checked" if self.way == "exact" else "ranked"
        name = f"{it.name}, {word} by {other.name}"
        return replace(it, name=name, parameters=it.parameters + other.parameters, languages=languages)

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        """Fill the gaps of a request; the forward passes of both models are counted together.

        The critic judges drafts that are ranked. The causal model's own text is never changed.
        """
        if self.way == "rank":
            return self._ranked(request, options, cancelled, critic, on_draft)
        if request.between:
            return [one_by_one(request, lambda it, _: self.fill(it, replace(options, n=1), cancelled=cancelled)[0])]
        return self._checked(request, options, cancelled, on_draft)

    def _checked(
        self,
        request: Request,
        options: Options,
        cancelled: Callable[[], bool],
        on_draft: OnDraft | None,
    ) -> list[Fill]:
        drafts: list[Fill] = []
        share = None if options.budget_ms is None else options.budget_ms / 2  # The rest is for the causal model.
        once = replace(options, n=1, trace=False, budget_ms=share, start=None)

        def propose(written: str) -> str:
            if len(drafts) == DRAFTS:
                return ""
            (draft, *_) = self.drafter.fill(
                replace(request, prefix=request.prefix + written), once, cancelled=cancelled
            )
            drafts.append(draft)
            return draft.texts[0]

        first, *others = self.verifier.fill_gap(
            request, options, cancelled=cancelled, on_draft=on_draft, propose=propose
        )
        spent = sum(it.forwards for it in drafts)
        return [replace(first, forwards=first.forwards + spent), *others]

    def _ranked(
        self,
        request: Request,
        options: Options,
        cancelled: Callable[[], bool],
        critic: TextCritic | None,
        on_draft: OnDraft | None,
    ) -> list[Fill]:
        started = time.perf_counter()
        more = replace(options, n=max(options.n, RANKED))
        fills = self.drafter.fill(request, more, cancelled=cancelled, critic=critic, on_draft=on_draft)
        if cancelled():
            return fills[: options.n]
        found = {it.texts: self._likelihood(request, it.texts) for it in fills}
        best = sorted(fills, key=lambda it: -found[it.texts])[: options.n]
        total = round((time.perf_counter() - started) * 1000, 3)
        ms = Timing(fills[0].ms.encode, round(total - fills[0].ms.encode, 3), total)
        spent = fills[0].forwards + len(fills) * (1 + len(request.between))
        return [
            replace(it, confidence=math.exp(found[it.texts]), score=found[it.texts], forwards=spent, ms=ms)
            for it in best
        ]

    def _likelihood(self, request: Request, texts: tuple[str, ...]) -> float:
        """Return the causal model's log-probability of all texts of a fill, each with the others in place."""
        whole, total = request.prefix, 0.0
        after = [*request.between, request.suffix]
        for number, text in enumerate(texts):
            rest = "".join(a + b for a, b in zip(after[number:], [*texts[number + 1 :], ""], strict=True))
            total += self.verifier.likelihood(replace(request, prefix=whole, suffix=rest, between=()), text)
            whole += text + after[number]
        return total
