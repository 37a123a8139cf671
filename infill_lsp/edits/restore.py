"""Restores a line with a model that reads: small edits of it and what the model would write are ranked by probability.

The line is read first. Near the token that the model finds least likely, tokens are dropped and swapped, and the model
fills in what may be missing or wrong. What stands before the caller's check is read, and the most probable text wins,
where each token that differs from the old line counts against it.
"""

import math
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Final

from infill_lsp.text.document import Document, Gap, normalised
from infill_model.request import Fill, Options, Request, Token

COST: Final = 3.0
"""Nats that a text must gain for each token in which it differs from the old line."""

NEAR: Final = 2
"""Tokens before the least likely one, from which on the line is edited; as many are from there on."""

MOST_READ: Final = 16
"""The most texts that are read for a line."""

FILLS: Final = 3
"""Fills asked for at each place."""

REVISE: Final = "revoke:0.02"

_TOKEN: Final = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Restored:
    """A line's new text.

    Attributes:
        gap: the old one.
        text: the new one.
        gain: how much more probable it is, in nats, less what its edits cost.
        confidence: its probability.
    """

    gap: Gap
    text: str
    gain: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Restorer:
    """The means to restore the lines of a document.

    Attributes:
        document: as it is.
        ask: the engine, whose model reads present text; it answers nothing once time is up.
        fits: reports whether a text may stand in a gap.
    """

    document: Document
    ask: Callable[[Request, Options], Awaitable[Sequence[Fill]]]
    fits: Callable[[Gap, str], Awaitable[bool]]

    async def restored(self, gap: Gap) -> Restored | None:
        """Return the most probable other text that fits in place of a line, whatever its gain; None if none was read.

        Args:
            gap: the code of the line, without the blanks around it.
        """
        old = normalised(self.document.text[gap.start : gap.end])
        request = self.document.request((gap,), block=False)
        read = await self._read(request, old)
        if not read:
            return None
        texts = dict[str, None]()
        worst = least_likely(read, len(old))
        for text in [*small_edits(old, worst), *await self._written(request, old, worst)]:
            if text != old and text.strip() and text not in texts and await self.fits(gap, text):
                texts[text] = None
        best: Restored | None = None
        present = _total(read)
        for text in list(texts)[:MOST_READ]:
            if not (again := await self._read(request, text)):
                break  # What was not read is not known to be better.
            nats = _total(again)
            gain = nats - present - COST * distance(old, text)
            if best is None or gain > best.gain:
                best = Restored(gap, text, gain, math.exp(nats))
        return best

    async def _read(self, request: Request, text: str) -> Sequence[Token]:
        """Return the tokens of a text and the break after it, with their probabilities; none if time is up."""
        fills = await self.ask(request, Options(steps=0, start=(text + "\n",)))
        return fills[0].tokens if fills else ()

    async def _written(self, request: Request, old: str, worst: int) -> list[str]:
        """Return the old line revised, and with what the model would write near `worst`: alone, or before the old rest.

        The code behind the line stays the same for all of it, so that it is read once.
        """
        found = [it for (it,) in await self._fills(request, Options(start=(old,), remask=REVISE))]
        for tokens in rests(old, worst):
            kept = old[: tokens[0].start()]
            for (text,) in await self._fills(replace(request, prefix=request.prefix + kept), Options(n=FILLS)):
                found += [kept + it for it in mixed(text, old, tokens)]
        return found

    async def _fills(self, request: Request, options: Options) -> list[tuple[str, ...]]:
        fills = await self.ask(request, replace(options, critic=False))
        return [it.texts for it in fills if it.stopped == "complete"]


def least_likely(read: Sequence[Token], length: int) -> int:
    """Return where the token starts to which the model gives the least probability, in code points of the text."""
    at, worst, place = 0, 1.0, 0
    for token in read:
        if token.confidence < worst and token.text.strip() and at < length:
            worst, place = token.confidence, at + len(token.text) - len(token.text.lstrip())
        at += len(token.text)
    return place


def small_edits(text: str, worst: int) -> Iterator[str]:
    """Yield a line without one of its tokens, and with two neighbours swapped, near a place."""
    tokens = _near(text, worst)
    for it in tokens:
        yield (text[: it.start()] + text[it.end() :]).strip()
        yield (text[: it.start()] + text[it.end() :].lstrip()).strip()
    for a, b in pairwise(tokens):
        yield text[: a.start()] + b.group() + text[a.end() : b.start()] + a.group() + text[b.end() :]


def rests(text: str, worst: int) -> list[list[re.Match[str]]]:
    """Return the tokens of a line from a place on, and from the token before it."""
    tokens, at = _tokens(text, worst)
    return [tokens[n:] for n in range(at, max(-1, at - 2), -1)]


def mixed(written: str, old: str, tokens: Sequence[re.Match[str]]) -> Iterator[str]:
    """Yield what was written in place of tokens; and its beginning before all of them, or in place of some."""
    yield written
    for count in (1, 2):
        if len(new := list(_TOKEN.finditer(written))) >= count:
            begun = written[: new[count - 1].end()]
            for dropped in range(count + 1):
                rest = old[tokens[dropped].start() :] if dropped < len(tokens) else ""
                spaced = written[len(begun) :].startswith(" ") or (dropped and _spaced(old, tokens, dropped))
                yield begun + (" " if rest and (spaced or _needs_space(begun, rest)) else "") + rest


def _needs_space(a: str, b: str) -> bool:
    return bool(a and b) and (a[-1].isalnum() or a[-1] == "_") and (b[0].isalnum() or b[0] == "_")


def _spaced(old: str, tokens: Sequence[re.Match[str]], number: int) -> bool:
    return number < len(tokens) and old[: tokens[number].start()].endswith(" ")


def distance(old: str, new: str) -> int:
    """Return in how many tokens two texts differ; a token that moves to its neighbour's place counts once."""
    a, b = _TOKEN.findall(old), _TOKEN.findall(new)
    changed = 0
    for action, first, last, start, end in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if action != "equal":
            changed += max(last - first, end - start)
    return max(1, changed - 1 if sorted(a) == sorted(b) else changed)


def _near(text: str, worst: int) -> list[re.Match[str]]:
    tokens, at = _tokens(text, worst)
    return tokens[max(0, at - NEAR) : at + NEAR]


def _tokens(text: str, place: int) -> tuple[list[re.Match[str]], int]:
    """Return the tokens of a line, and the number of the one at a place or after it, or of the last one."""
    tokens = list(_TOKEN.finditer(text))
    return tokens, next((n for n, it in enumerate(tokens) if it.end() > place), len(tokens) - 1)


def _total(read: Sequence[Token]) -> float:
    return sum(math.log(max(it.confidence, 1e-9)) for it in read)
