"""Brackets: removes closers of what is closed already, and closes openers that nothing closes.

The document as a whole is judged: a suggestion may close what it did not open if the document lacks the closer. Tokens
are counted, not nodes, because a tree in which a bracket is missing says little about where.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final

from infill_lsp.suggestions.suggestion import Suggestion, before
from infill_lsp.syntax.languages import CLOSERS, Language
from infill_lsp.syntax.part import last_match
from infill_lsp.syntax.quoting import HASH_LIKE
from infill_lsp.targets.target import Target
from infill_lsp.text.document import Document
from infill_lsp.text.indent import indentation

NEAR: Final = 12_000
"""Code points examined on each side; a suggestion does not close brackets further away."""

FAR: Final = 64_000
"""Code points examined above, at most: from there on, or from the last definition that leaves NEAR of them."""

_OPENERS: Final = {closer: opener for opener, closer in CLOSERS.items()}
_BRACKET: Final = r"(?P<bracket>[()\[\]{}])"


@dataclass(frozen=True, slots=True)
class Scan:
    """The brackets of a text with their offsets in it.

    Attributes:
        within: the opening of the string or comment that the text ends in; empty if it ends in code.
    """

    brackets: tuple[tuple[str, int], ...]
    within: str

    @property
    def text(self) -> str:
        """The brackets alone."""
        return "".join(bracket for bracket, _ in self.brackets)


@cache
def _pattern(not_code: str) -> re.Pattern[str]:
    return re.compile(f"(?P<skipped>{not_code})|{_BRACKET}", re.DOTALL)


def scan(text: str, language: Language | None) -> Scan:
    """Find the brackets of a text that starts in code."""
    pattern = _pattern(language.not_code if language else HASH_LIKE)
    found: list[tuple[str, int]] = []
    within = ""
    for match in pattern.finditer(text):
        if match["bracket"]:
            found.append((match["bracket"], match.start()))
        elif match.end() == len(text):
            within = _unfinished(match["skipped"])
    return Scan(tuple(found), within)


def _unfinished(skipped: str) -> str:
    """Return the opening of a string or comment that is not closed by its last character; empty if it is."""
    if skipped.startswith(("#", "//")):
        return skipped[:1]
    if skipped.startswith("/*"):
        return "" if skipped.endswith("*/") and len(skipped) > 3 else "/*"
    if skipped.startswith("/"):
        return ""  # A regular expression, which is matched only if it is complete.
    quote = skipped[:3] if skipped[:3] in ('"""', "'''") else skipped[0]
    body = re.sub(r"\\.", "__", skipped[len(quote) :], flags=re.DOTALL)
    return "" if body.endswith(quote) else quote


def open_after(brackets: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the openers that are still open, innermost last."""
    opened: list[tuple[str, int]] = []
    for bracket, at in brackets:
        if bracket in CLOSERS:
            opened.append((bracket, at))
        elif opened and opened[-1][0] == _OPENERS[bracket]:
            opened.pop()
    return opened


def loose(brackets: str) -> int:
    """Count the brackets without a partner."""
    opened: list[str] = []
    count = 0
    for bracket in brackets:
        if bracket in CLOSERS:
            opened.append(bracket)
            continue
        opener = _OPENERS[bracket]
        if opener not in opened[-3:]:
            count += 1
            continue
        while opened.pop() != opener:
            count += 1
    return count + len(opened)


@dataclass(frozen=True, slots=True)
class Around:
    """The brackets on both sides of a suggestion.

    Attributes:
        first: the offset in the document at which `above` starts.
    """

    above: Scan
    below: Scan
    first: int

    @classmethod
    def of(cls, document: Document, suggestion: Suggestion) -> "Around":
        """Scan the text on both sides of a suggestion."""
        first = _start(document, suggestion.start)
        above = scan(document.text[first : suggestion.start], document.language)
        below = scan(document.text[suggestion.end : suggestion.end + NEAR], document.language)
        return cls(above, below, first)

    @property
    def opened(self) -> list[tuple[str, int]]:
        """The openers above that nothing above closes, innermost last, with their offsets in the document."""
        return [(bracket, at + self.first) for bracket, at in open_after(self.above.brackets)]

    def loose(self, brackets: str) -> int:
        """Count the loose brackets with these in the suggestion's place."""
        return loose(self.above.text + brackets + self.below.text)


def _start(document: Document, end: int) -> int:
    """Return where to start scanning: at an outermost definition, because that is not within a string."""
    near, far = end - NEAR, max(end - FAR, 0)
    if near <= 0:
        return 0
    pattern = document.language.definition if document.language else None
    start = last_match(pattern, document.text, far, near) if pattern else None
    return far if start is None else start


def balance(document: Document, target: Target, suggestion: Suggestion) -> Suggestion:
    """Cut before a surplus closer, or close what is left open."""
    if target.kind in ("string", "comment") or not any(char in suggestion.text for char in "()[]{}"):
        return suggestion
    around = Around.of(document, suggestion)
    written = scan(suggestion.text, document.language)
    if around.above.within or written.within:
        return suggestion
    text = suggestion.text[: _surplus(written, around)].rstrip(" \t\n")
    if len(text) < len(suggestion.text.rstrip(" \t\n")):
        return suggestion.saying(text)
    if around.loose(written.text) <= around.loose(""):
        return suggestion
    return suggestion.saying(_closed(document, target, suggestion, open_after(written.brackets)))


def _surplus(written: Scan, around: Around) -> int | None:
    """Return the offset of the closer before which a cut leaves the fewest brackets loose; None if no cut helps."""
    fewest, place = around.loose(written.text), None
    for count in range(len(written.brackets) - 1, -1, -1):
        bracket, at = written.brackets[count]
        if bracket in CLOSERS or open_after(written.brackets[:count]):
            continue  # An opener, or a closer whose opener is in the text.
        left = around.loose(written.text[:count])
        if left < fewest:
            fewest, place = left, at
    return place


def _closed(document: Document, target: Target, suggestion: Suggestion, opened: list[tuple[str, int]]) -> str:
    """Close the openers of a text: at its end, or, if they end lines of a block, in lines of their own."""
    text = suggestion.text
    for opener, at in reversed(opened):
        ends_line = not text[at + 1 :].partition("\n")[0].strip()
        if ends_line and target.block and (opener == "{" or text[at + 1 :].strip()):
            start = text.rfind("\n", 0, at) + 1
            line = text[start:] if start else before(document, suggestion) + text
            text += f"\n{indentation(line)}{CLOSERS[opener]}"
        elif ends_line and opener == "{":
            return text  # A user who begins a block here is about to continue it.
        else:
            text += CLOSERS[opener]
    return text
