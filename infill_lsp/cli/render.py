"""Fills as terminal output: a diff whose new tokens are coloured by confidence, and a line of figures.

The output is plain text without a terminal or with NO_COLOR. Must not depend on engines or files.
"""

import os
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from rich.console import Console
from rich.text import Text

from infill_lsp.cli.filled_document import FilledDocument, Stretch
from infill_lsp.text.document import normalised
from infill_model.request import StopReason

CONFIDENCE_COLOURS: Final = ((0.95, "#2f9e62"), (0.8, "#7fa32e"), (0.6, "#c4981f"), (0.4, "#d8742c"), (0.0, "#d9485a"))
"""The least confidence for each colour of a token; the colours are readable on dark and on light terminals."""

_AROUND: Final = 2
"""Lines of the user's own code shown above and below each change."""

_ENDINGS: Final[dict[StopReason, str]] = {
    "complete": "complete",
    "stable": "settled early",
    "steps": "out of steps",
    "deadline": "out of time",
    "cancelled": "cancelled",
}


def filled_documents(found: Sequence[FilledDocument]) -> str:
    """Render suggestions for a terminal, best first."""
    out = _console()
    with out.capture() as captured:
        for number, filled in enumerate(found, 1):
            line, column = filled.before.place(filled.gaps[0].start)
            title = Text(f"{_visible(filled.before.name)}:{line}:{column}", style="bold")
            if len(found) > 1:
                title.append(f"  fill {number} of {len(found)}", style="dim")
            out.print(title, *diff(filled), figures(filled), sep="\n")
        if out.color_system:
            out.print(legend())
    return captured.get()


def diff(filled: FilledDocument) -> list[Text]:
    """Return the changed lines with their numbers and surroundings; a removed line keeps its old number."""
    first, old, new = _window(filled)
    width = len(str(first + max(len(old), len(new))))
    rows: list[Text] = []
    changes = SequenceMatcher(None, old, [line.plain for line in new], autojunk=False)
    for group in changes.get_grouped_opcodes(_AROUND):
        if rows:
            rows.append(Text(f"{'':{width + 2}}⋮", style="dim"))
        for kind, i, j, k, m in group:
            if kind == "equal":
                rows += [_row(" ", first + n, width, Text(new[n].plain, style="dim")) for n in range(k, m)]
            else:
                rows += [_row("-", first + n, width, Text(old[n], style="red")) for n in range(i, j)]
                rows += [_row("+", first + n, width, new[n]) for n in range(k, m)]
    return rows or [Text("  nothing to add here", style="dim")]


def figures(filled: FilledDocument) -> Text:
    """Summarise confidence, speed and origin of the fill in one line."""
    fill = filled.fill
    words = [
        _count(sum(not token.pinned for token in fill.tokens), "token"),
        f"confidence {fill.confidence:.2f}",
        f"{fill.ms.total:.0f} ms (encode {fill.ms.encode:.0f}, denoise {fill.ms.denoise:.0f})",
        f"{_count(fill.forwards, 'forward')} in {_count(fill.steps, 'step')}",
        _ENDINGS[fill.stopped],
    ]
    if fill.score is not None:
        words.insert(2, f"score {fill.score:.2f}")
    if fill.retrieved:
        words.append("began as a copy")
    if filled.parses is not None:
        words.append("parses" if filled.parses else "does not parse")
    if filled.refused:
        words.append(f"an editor would not show it: {filled.refused}")
    return Text("  " + " · ".join(words), style="dim")


def legend() -> Text:
    """Return the legend of confidence colours."""
    words = Text("  confidence ", style="dim")
    for least, colour in reversed(CONFIDENCE_COLOURS):
        words.append(f" ■ {least:.0%}+ ", style=colour)
    return words


def _console() -> Console:
    """Return a console that uses colours only if a terminal shows them and NO_COLOR is not set."""
    if os.environ.get("NO_COLOR"):
        return Console(color_system=None, highlight=False, soft_wrap=True)
    return Console(highlight=False, soft_wrap=True)


def _window(filled: FilledDocument) -> tuple[int, list[str], list[Text]]:
    """Return the number of the first line shown, and the lines from there on, as they were and as they are filled."""
    start, *runs, end = filled.runs()
    above = start.text.split("\n")[-_AROUND - 2 :]
    below = end.text.split("\n")[: _AROUND + 2]
    first = start.text.count("\n") - len(above) + 2
    gone = filled.before.text[filled.gaps[0].start : filled.gaps[-1].end]
    old = "\n".join(above) + normalised(gone) + "\n".join(below)
    new = Text()
    for run in (Stretch("\n".join(above), "own"), *runs, Stretch("\n".join(below), "own")):
        new.append(_visible(run.text), style=_style(run))
    return first, _visible(old).split("\n"), list(new.split("\n", allow_blank=True))


def _row(sign: str, number: int, width: int, line: Text) -> Text:
    style = {"+": "green", "-": "red"}.get(sign, "dim")
    return Text(f"{sign} {number:{width}}  ", style=style).append_text(line)


def _style(run: Stretch) -> str:
    if run.kind != "filled":
        return ""
    return "bold " + next(colour for least, colour in CONFIDENCE_COLOURS if run.confidence >= least)


def _visible(text: str) -> str:
    """Return `text` with tabs as blanks and control characters as pictures, so that no file can steer the terminal."""
    return text.expandtabs(4).translate(_PICTURES)


_PICTURES: Final = (
    {n: chr(0x2400 + n) for n in range(32) if n != 0x0A} | {0x7F: "␡"} | dict.fromkeys(range(128, 160), "�")
)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
