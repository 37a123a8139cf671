"""Finds where to insert or replace text so that a line parses again, from the smallest change to the largest.

It uses the tree and the line's brackets; whether an attempt succeeds is known only when it is filled.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from infill_lsp.edits.attempt import Attempt
from infill_lsp.edits.slips import slips
from infill_lsp.syntax.errors import Fault, faults, tokens
from infill_lsp.syntax.languages import CLOSERS
from infill_lsp.syntax.tree import SyntaxTree
from infill_lsp.text.document import Document, Gap

MOST_GAPS: Final = 4
"""The most gaps of one attempt; a range with more faults is mended in parts."""

FEW: Final = 4
"""The most code points under errors that are replaced before anything else is tried."""

MOST_REPLACED: Final = 40
"""The most code points under errors that are replaced at all: a repair keeps what it can."""

MOST_LINES: Final = 3
"""The most lines at whose ends missing text is looked for."""


def repairs(document: Document, start: int, end: int) -> tuple[Attempt, ...]:
    """Return attempts where ERROR or MISSING nodes touch the lines of a range; nothing if there are none."""
    tree = document.tree_at(start)
    if tree is None or not tree.root.has_error:
        return ()
    first, last = document.place(start)[0], document.place(end)[0]
    lines = Gap(document.offset(first, 1), document.offset(last, len(document.line(last)) + 1))
    found = faults(tree, lines.start, _next_code(document, last))  # Text missing here is often reported there.
    if not found:
        return ()
    numbers = range(first, min(last, first + MOST_LINES - 1) + 1)
    ends = [it for number in numbers for it in _line_end(document, tree, number)]
    replacing = [*_exactly(tree, lines, found), *_to_the_end(document, lines, found)]
    few = [it for it in replacing if _replaced(it) <= FEW]
    more = [it for it in replacing if FEW < _replaced(it) <= MOST_REPLACED]
    brackets = [it for it in ends if it.start is not None]
    slipped = [it for number in numbers for it in slips(document, _code(document, tree, number))]
    return tuple(dict.fromkeys([*brackets, *slipped, *few, *ends, *more]))


def _exactly(tree: SyntaxTree, lines: Gap, found: Sequence[Fault]) -> Iterator[Attempt]:
    """Yield attempts at what is missing; then at the tokens under errors, alone and with their neighbours."""
    missing = [Gap(it.start, it.end) for it in found if it.start == it.end]
    if missing:
        yield Attempt(_apart(missing))
    within = [Gap(it.start, it.end) for it in found if lines.start <= it.start < it.end <= lines.end]
    if within:
        yield Attempt(_apart(within))
        around = tokens(tree, lines.start, lines.end)
        wider = [_widened(gap, around) for gap in within]
        yield Attempt(_apart(wider))


def _line_end(document: Document, tree: SyntaxTree, number: int) -> Iterator[Attempt]:
    """Yield attempts at what a line's end may lack: the closers of its brackets, what opens a block, or anything."""
    line, start, code = document.line(number), document.offset(number, 1), _code(document, tree, number)
    if not code:
        return
    gap = Gap(code[-1][1], code[-1][1])
    missing, surplus = _brackets(document, code)
    if surplus:
        yield Attempt(tuple(Gap(*it) for it in surplus), start=("",) * len(surplus))
    if missing:
        yield Attempt(tuple(Gap(at, at) for at, _ in missing), start=tuple(text for _, text in missing))
    if document.opens_block(f"{line[: gap.end - start]}:") and _is_deeper(document, number):
        closers = "".join(text for at, text in missing if at == gap.end)
        yield Attempt((gap,), start=(f"{closers}:",))
    yield Attempt((gap,))


def _code(document: Document, tree: SyntaxTree, number: int) -> tuple[tuple[int, int], ...]:
    """Return the spans of a line's tokens; none if one of them begins or ends on another line."""
    line, start = document.line(number), document.offset(number, 1)
    code = tokens(tree, start, start + len(line))
    return code if code and code[0][0] >= start and code[-1][1] <= start + len(line) else ()


def _to_the_end(document: Document, lines: Gap, found: Sequence[Fault]) -> Iterator[Attempt]:
    """Yield an attempt from the last error that begins on these lines to the end of its line."""
    starts = [it.start for it in found if lines.start <= it.start <= lines.end]
    if starts:
        number = document.place(starts[-1])[0]
        end = document.offset(number, 1) + len(document.line(number).rstrip())
        if starts[-1] < end:
            yield Attempt((Gap(starts[-1], end),))


def _replaced(attempt: Attempt) -> int:
    return sum(gap.end - gap.start for gap in attempt.gaps)


def _apart(gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    """Return the gaps in order, overlapping ones joined, and no more than fit one attempt."""
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda it: (it.start, it.end)):
        if joined and gap.start <= joined[-1].end:
            joined[-1] = Gap(joined[-1].start, max(gap.end, joined[-1].end))
        else:
            joined.append(gap)
    return tuple(joined[:MOST_GAPS])


def _widened(gap: Gap, around: Sequence[tuple[int, int]]) -> Gap:
    """Extend a gap by the token before it and the one after it."""
    before = [token for token in around if token[1] <= gap.start]
    behind = [token for token in around if token[0] >= gap.end]
    return Gap(before[-1][0] if before else gap.start, behind[0][1] if behind else gap.end)


def _brackets(
    document: Document, code: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, str]], list[tuple[int, int]]]:
    """Return the closers that a line lacks, before another closer or at its end; and its surplus closers.

    A bracket that is closed on a later line, and its closer, are included though nothing is wrong: the tree will tell.
    """
    wanted: list[str] = []
    missing: list[tuple[int, str]] = []
    surplus: list[tuple[int, int]] = []
    for start, end in code:
        token = document.text[start:end]
        if token in CLOSERS:
            wanted.append(CLOSERS[token])
        elif token in wanted:
            last = len(wanted) - 1 - wanted[::-1].index(token)
            if skipped := "".join(reversed(wanted[last + 1 :])):
                missing.append((start, skipped))
            del wanted[last:]
        elif token in CLOSERS.values():
            surplus.append((start, end))
    if wanted:
        missing.append((code[-1][1], "".join(reversed(wanted))))
    return missing[:MOST_GAPS], surplus[:MOST_GAPS]


def _next_code(document: Document, number: int) -> int:
    """Return the start of the code on the next line that is not blank; the end of this line if there is none."""
    for below in range(number + 1, document.line_count + 1):
        line = document.line(below)
        if line.strip():
            return document.offset(below, 1) + len(line) - len(line.lstrip())
    return document.offset(number, 1) + len(document.line(number))


def _is_deeper(document: Document, number: int) -> bool:
    """Report whether the next line that is not blank is indented deeper than this one."""
    following = next(document.lines_below(number), "")
    own = document.line(number)
    return len(following) - len(following.lstrip()) > len(own) - len(own.lstrip())
