"""Checks drafts with a language's own parser, if available: Python's.

Grammars are lenient, because they read unfinished code: a `try` without a body passes, and so does a line indented too
far. The language's own parser is strict, so it can only be asked about files that are correct apart from the gap, which
is found by trying. If it accepts the file with something simple in the gap, a draft that it rejects is wrong; if it
accepts the file with something simple instead of the gap's line, a draft in or after which it fails is wrong. Must not
depend on trees or bytes; offsets are code points.
"""

import ast
import itertools
import re
import warnings
from codeop import PyCF_ALLOW_INCOMPLETE_INPUT  # type: ignore[attr-defined]  # typeshed lacks it.
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import Final, TypeAlias

ErrorAt: TypeAlias = Callable[[str], int | None]
"""From a text to the offset of its first syntax error; None if there is none, or nothing can be said."""

_STAND_INS: Final = (
    *("pass", "", "if x:", "if x: pass", "try: pass", "try:", "else:", "except x:", "match x:", "def x():"),
    *("x(", "x = [", "x = {", "x,", "x=x,", "x: x,", "x=x(", "def x(", "x)", ")", "):", "x]", "]", "]:", "x}", "}"),
    *("if x:\n    if x:", "if x:\n    if x: pass"),
)
"""Lines, one of which fits in most places of a Python file."""

_COMPLETIONS: Final = ("x", "x:", ":", "", "x,", "x=")
"""Texts that may finish an unfinished line, or stand in the middle of it; none closes a bracket."""

_LEFT_OPEN: Final = re.compile(r"""[a-zA-Z]{,2}(?:"(?!"")|'(?!''))""")
"""Where a parser reports a draft's unterminated string, or key without value: before the draft."""

_DEFINITION: Final = re.compile(r"^([ \t]*)(@|async[ \t]+def\b|def\b|class\b)", re.MULTILINE)

_LAST_TOKEN: Final = re.compile(r"(?:\w+|[^\w\s]+)$")
_QUOTES: Final = re.compile(r"[\"']")

_OPENERS: Final = {")": "(", "]": "[", "}": "{"}

_OPENINGS: Final = tuple(itertools.product(("", "= ", ": "), ("x(", "x[", "x{")))
"""Possible beginnings and continuations of a gap that is followed by an unmatched closing bracket."""

_OPENS_BLOCK: Final = re.compile(r"\s*(async|class|def|elif|else|except|finally|for|if|match|try|while|with)\b")


def python_error_at(text: str) -> int | None:
    """Return where the running Python's parser first objects to a text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Escapes that will be errors one day are not yet.
        try:
            ast.parse(text)
        except SyntaxError as error:
            above = itertools.islice(text.split("\n"), max(0, (error.lineno or 1) - 1))
            return min(len(text), sum(len(line) + 1 for line in above) + max(0, (error.offset or 1) - 1))
        except (ValueError, RecursionError, MemoryError):
            return None
    return None


def python_refuses(lines: str) -> bool:
    """Report whether the running Python's parser rejects lines whatever follows them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(lines, "<lines>", "exec", ast.PyCF_ONLY_AST | PyCF_ALLOW_INCOMPLETE_INPUT, dont_inherit=True)
        except SyntaxError as error:
            return error.msg != "incomplete input"
        except (ValueError, RecursionError, MemoryError):
            return False
    return False


@dataclass(frozen=True, slots=True)
class _Section:
    """The function around a gap, or what stands between two; it alone is parsed again for each draft.

    If the statements above and below are right by themselves, a draft is right wherever its section is.

    Attributes:
        above: the text above the section.
        start: the section's text before the gap.
        end: the section's text behind the gap.
        below: the text below the section.
        error_at: the parser.
    """

    above: str
    start: str
    end: str
    below: str
    error_at: ErrorAt

    @classmethod
    def around(cls, before: str, behind: str, error_at: ErrorAt) -> "_Section":
        """Return the section around a gap, from the text before it and that behind it."""
        below = _DEFINITION.search(behind, behind.find("\n") + 1 or len(behind))
        least = len(below[1]) if below and below[1] else len(before)
        first, decorated, indentation = 0, False, ""
        for above in _DEFINITION.finditer(before):
            if len(above[1]) <= least and not (decorated and above[1] == indentation):
                first = above.start()
            decorated, indentation = above[2] == "@", above[1]
        end = below.start() if below else len(behind)
        return cls(before[:first], before[first:], behind[:end], behind[end:], error_at)

    def is_right_with(self, text: str) -> bool:
        """Report whether everything is right with a text in the gap; if not, that is only not known yet."""
        stand_in = f"{_indentation(self.below)}pass\n" if self.below else ""
        return (
            bool(self.above or self.below)  # Otherwise it is everything.
            and _is_right(f"{self.above}{_indentation(self.start)}pass\n", self.error_at)
            and _is_right(_in_block(self.below), self.error_at)
            and self.error_at(f"{_in_block(self.start)}{text}{self.end}{stand_in}") is None
        )


@lru_cache(maxsize=8)
def _is_right(text: str, error_at: ErrorAt) -> bool:
    return error_at(text) is None


def _in_block(text: str) -> str:
    """Return a text with the head of a block before it if its first line is indented."""
    return f"if 1:\n{text}" if _indentation(text) else text


def _indentation(text: str) -> str:
    """Return the indentation of a text's first line."""
    return text[: len(text) - len(text.lstrip(" \t"))]


class OwnParser:
    """Parser check for drafts of the gaps of one request.

    Args:
        pieces: the text around the gaps: before the first, between each two, after the last.
        error_at: the parser.
        refuses: reports whether the parser rejects lines whatever follows them.
    """

    def __init__(
        self, pieces: Sequence[str], error_at: ErrorAt, refuses: Callable[[str], bool] = python_refuses
    ) -> None:
        self._pieces, self._error_at, self._refuses = pieces, error_at, refuses
        self._right: dict[tuple[str, ...], bool] = {}

    def objection(self, texts: Sequence[str]) -> int | None:
        """Return where a draft, joined with the surrounding text, introduces an error; None if it introduces none."""
        if len(texts) == 1 and self._section.is_right_with(texts[0]):
            return None
        at = self._error_at(_joined(self._pieces, texts))
        if at is None or (at < len(self._lines_above) and self._is_refused_above):
            return None
        behind = at >= len(self._pieces[0]) or _LEFT_OPEN.match(self._pieces[0], at)
        if behind and any(map(self._is_right_with_lines, self._indentations(texts))):
            return None if self._lacks_only_its_block(texts) else at
        return at if self._is_right_completed else None

    @cached_property
    def _section(self) -> "_Section":
        return _Section.around(self._pieces[0], self._pieces[-1], self._error_at)

    @cached_property
    def _lines_above(self) -> str:
        first = self._pieces[0]
        return first[: first.rfind("\n") + 1]

    @cached_property
    def _is_refused_above(self) -> bool:
        """Whether the file is wrong whatever stands in the gaps, so that nothing need be tried."""
        return self._refuses(self._lines_above)

    def _lacks_only_its_block(self, texts: Sequence[str]) -> bool:
        """Report whether the draft completes a begun line that opens a block, and only the block is missing."""
        first, *_, last = self._pieces
        stem = first[first.rfind("\n") + 1 :]
        if not stem.strip() or not _OPENS_BLOCK.match(stem + texts[0]):
            return False
        end = len(last.partition("\n")[0])
        block = f"\n{stem[: len(stem) - len(stem.lstrip())]}        pass"
        return self._error_at(_joined([*self._pieces[:-1], last[:end] + block + last[end:]], texts)) is None

    @cached_property
    def _is_right_completed(self) -> bool:
        """Whether the file is correct with something simple in every gap."""
        if self._refuses(_up_to_whole_token(self._pieces[0])):
            return False
        return self._is_right_with(_COMPLETIONS) or any(map(self._lacks_only_openers, _OPENINGS))

    def _is_right_with(self, fills: Sequence[str]) -> bool:
        return self._fits(fills, len(self._pieces) - 1, partial(_joined, self._pieces))

    def _is_right_with_lines(self, indentations: tuple[str, ...]) -> bool:
        """Report whether the file is correct with some simple line, so indented, in place of each line with a gap."""
        if indentations not in self._right:
            first, *between, last = self._pieces
            starts = ["\n" in it for it in (first + "\n", *between)]  # Gaps on one line share a stand-in.
            rest = [it[it.find("\n") : it.rfind("\n") + 1] for it in between if "\n" in it]
            pieces = [self._lines_above, *rest, last[len(last.partition("\n")[0]) :]]
            indented = list(itertools.compress(indentations, starts))
            text_with = lambda lines: _joined(pieces, list(map(_indented, indented, lines)))  # noqa: E731
            self._right[indentations] = self._fits(_STAND_INS, len(indented), text_with)
        return self._right[indentations]

    def _fits(self, options: Sequence[str], places: int, text_with: Callable[[Sequence[str]], str]) -> bool:
        """Report whether a text is correct with some of `options`, which are tried in place after place.

        Each place keeps the option with which the parser gets farthest.
        """
        chosen = [options[0]] * places
        for place in range(places):
            left: dict[str, int] = {}
            for option in options:
                chosen[place] = option
                text = text_with(chosen)
                at = self._error_at(text)
                if at is None:
                    return True
                left[option] = len(text) - at
            chosen[place] = min(options, key=left.__getitem__)
        return False

    def _lacks_only_openers(self, opening: tuple[str, str]) -> bool:
        """Report whether the file is correct if every gap opens a bracket, and as many more as are closed after it."""
        lead, fill = opening
        fills, left = [fill] * (len(self._pieces) - 1), len("".join(self._pieces)) + 1
        while True:
            texts = [f"{lead}{it}" for it in fills]
            text = _joined(self._pieces, texts)
            at = self._error_at(text)
            if at is None:
                return True
            gap = sum(start <= at for start in starts_of(self._pieces, texts)) - 1
            opener = _OPENERS.get(text[at : at + 1])
            if opener is None or gap < 0 or len(text) - at >= left:
                return False
            left = len(text) - at  # The text after the error shrinks with every opener, or it is another error.
            fills[gap] = f"x{opener}{fills[gap]}"

    def _indentations(self, texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
        """Yield each gap's first line's indentation: the draft's own if nothing is before it, then a level less."""
        stems = [piece[piece.rfind("\n") + 1 :] for piece in self._pieces[:-1]]
        lines = [f"{stem}x" if stem.strip() else stem + text for stem, text in zip(stems, texts, strict=True)]
        own = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines]
        yield tuple(own)
        if not all(map(str.strip, stems)):
            less = (it[: -1 if it.endswith("\t") else -4] for it in own)
            yield tuple(a if stem.strip() else b for a, b, stem in zip(own, less, stems, strict=True))


def _up_to_whole_token(text: str) -> str:
    r"""Return a text up to its last token that nothing behind it can change, and a line that goes on.

    Whoever reads on finds the end of the text, behind the backslash. A line with a string is left out, which may be
    open.
    """
    start = text.rfind("\n") + 1
    stem = _LAST_TOKEN.sub("", text[start:])
    return text[:start] if not stem.strip() or _QUOTES.search(stem) else f"{text[:start]}{stem} \\\n"


def _indented(indentation: str, lines: str) -> str:
    return indentation + lines.replace("\n", f"\n{indentation}")


def starts_of(pieces: Sequence[str], texts: Sequence[str]) -> list[int]:
    """Return where each gap between `pieces` starts when the gaps hold `texts`."""
    return [len(_joined(pieces[: n + 1], texts[:n])) for n in range(len(texts))]


def _joined(pieces: Sequence[str], texts: Sequence[str]) -> str:
    """Join pieces and texts in alternation; there is one more piece than texts."""
    return "".join(itertools.chain.from_iterable(itertools.zip_longest(pieces, texts, fillvalue="")))
