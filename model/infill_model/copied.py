"""What may be copied into the gaps of a request, and fills that are nothing but such copies.

For languages that a model was not trained on copies are all there is to offer. Their confidence is then how often
copies with such a match are right: what the network says of a language it never saw says nothing, and asking it costs
a forward. It needs no model and no torch.
"""

from collections.abc import Iterator, Sequence

from infill_model.request import Fill, Request, Timing, Token
from infill_model.retrieval import copy_all, different_copies


def copies_for(request: Request) -> list[tuple[tuple[str, ...], float]]:
    """Different texts for the gaps with their chances, the likeliest first; several gaps have one choice at most.

    Several copies are right together about as often as the least sure of them; they come from the document alone.
    """
    if not request.between:
        found = different_copies(request.prefix, request.suffix, request.files, block=request.block)
        return [((it.text,), it.chance(request.prefix, block=request.block)) for it in found]
    each = copy_all((request.prefix, *request.between, request.suffix), min_match=1)
    texts = tuple(copied.text for copied, _ in each if copied)
    return [(texts, min(chance for _, chance in each))] if len(texts) == len(each) else []


def fills_of_copies(request: Request, most: int) -> list[Fill]:
    """At most `most` fills, the likeliest first; none when nothing can be copied. Their times are 0."""
    return [_fill(request, texts, chance) for texts, chance in copies_for(request)[:most]]


def _fill(request: Request, texts: Sequence[str], chance: float) -> Fill:
    return Fill(
        texts=tuple(texts),
        tokens=tuple(_tokens(request, texts, chance)),
        confidence=chance,
        score=None,
        steps=0,
        forwards=0,
        ms=Timing(0.0, 0.0, 0.0),
        stopped="complete",
        retrieved=True,
    )


def _tokens(request: Request, texts: Sequence[str], chance: float) -> Iterator[Token]:
    yield Token(texts[0], chance, 0, pinned=False)
    for between, text in zip(request.between, texts[1:], strict=True):
        yield Token(between, 1.0, 0, pinned=True)
        yield Token(text, chance, 0, pinned=False)
