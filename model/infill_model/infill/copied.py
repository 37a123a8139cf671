"""What may be copied into the gaps of a request, and fills that are nothing but such copies.

For languages that a model was not trained on copies are all there is to offer. Their confidence is then how often
copies with such a match are right: what the network says of a language it never saw says nothing, and asking it costs
a forward. It needs no model and no torch.
"""

from collections.abc import Sequence

from infill_model.infill.retrieval import copy_all, different_copies
from infill_model.request import Fill, Request, Timing, Token


def copies_for(request: Request) -> list[tuple[tuple[str, ...], float]]:
    """Different texts for the gaps with their probabilities, the likeliest first; several gaps have one choice at most.

    Several copies are right together about as often as the least sure of them; they come from the document alone.
    """
    if not request.between:
        found = different_copies(request.prefix, request.suffix, request.files, block=request.block)
        return [((it.text,), it.probability(request.prefix, block=request.block)) for it in found]
    each = copy_all((request.prefix, *request.between, request.suffix), min_match=1)
    texts = tuple(copied.text for copied, _ in each if copied)
    return [(texts, min(probability for _, probability in each))] if len(texts) == len(each) else []


def fills_of_copies(request: Request, most: int) -> list[Fill]:
    """At most `most` fills, the likeliest first; none when nothing can be copied. Their times are 0."""
    return [fill_of_copy(request, texts, probability) for texts, probability in copies_for(request)[:most]]


def fill_of_copy(request: Request, texts: Sequence[str], probability: float) -> Fill:
    """The fill that is a copy, each text one token, and as sure as such copies are right."""
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
    """The fill that took no step of a denoiser.

    Args:
        request: that it is for.
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
