"""Copies for the gaps of a request, and fills that consist only of such copies.

For languages that a model was not trained on, only copies can be offered. Their confidence is then how often copies
with such a match are right: the network's probabilities mean nothing in a language it never saw, and running it costs
a forward pass. Needs no model and no torch.
"""

from collections.abc import Sequence

from infill_model.infill.retrieval import copy_all, different_copies
from infill_model.request import Fill, Request, Timing, Token


def copies_for(request: Request) -> list[tuple[tuple[str, ...], float]]:
    """Return different texts for the gaps with their probabilities, most probable first; for several gaps one at most.

    Several copies are right together about as often as the least probable of them; they come from the document alone.
    """
    if not request.between:
        found = different_copies(request.prefix, request.suffix, request.files, block=request.block)
        return [((it.text,), it.probability(request.prefix, block=request.block)) for it in found]
    each = copy_all((request.prefix, *request.between, request.suffix), min_match=1)
    texts = tuple(copied.text for copied, _ in each if copied)
    return [(texts, min(probability for _, probability in each))] if len(texts) == len(each) else []


def fills_of_copies(request: Request, most: int) -> list[Fill]:
    """Return at most `most` fills, the most probable first; none if nothing can be copied. Their times are 0."""
    return [fill_of_copy(request, texts, probability) for texts, probability in copies_for(request)[:most]]


def fill_of_copy(request: Request, texts: Sequence[str], probability: float) -> Fill:
    """Return the fill that is a copy: each text is one token, and its confidence is how often such copies are right."""
    return undenoised(request, texts, [[Token(it, probability, 0, pinned=False)] for it in texts], probability)


def undenoised(
    request: Request,
    texts: Sequence[str],
    tokens: Sequence[Sequence[Token]],
    confidence: float,
    *,
    score: float | None = None,
    retrieved: bool = True,
) -> Fill:
    """Return a fill that took no denoising step.

    Args:
        request: that the fill answers.
        texts: of the gaps.
        tokens: of each text.
        confidence: as `Fill.confidence`.
        score: as `Fill.score`.
        retrieved: whether it is a copy.
    """
    around = [list(tokens[0])]
    for between, own in zip(request.between, tokens[1:], strict=True):
        around.append([Token(between, 1.0, 0, pinned=True), *own])
    return Fill(
        texts=tuple(texts),
        tokens=tuple(token for gap in around for token in gap),
        confidence=confidence,
        score=score,
        steps=0,
        forwards=0,
        ms=Timing(0.0, 0.0, 0.0),
        stopped="complete",
        retrieved=retrieved,
    )
