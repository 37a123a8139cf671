"""Finds the end of a fill: the end of its line, or of its block. What an endpoint writes after that is dropped.

Models stop in the right place only now and then, and a stop sequence cannot express much. Must not be specific to one
API.
"""

import re
from typing import Final

from infill_lsp.endpoints.api import GapAsk

_MARK: Final = re.compile(
    r"<\|?(?:fim_\w+|file_sep|repo_name|endoftext|end_of_text|im_start|im_end|eot_id|cursor|EOT)\|?>|\ufffd"
)
"""Special tokens of models that never occur in code, and the replacement character for bytes that are not text."""

_LINE_END: Final = re.compile(r"[\r\n]")
_TWO_BLANK: Final = re.compile(r"\n[ \t]*\n[ \t]*\n")


def end(text: str, ask: GapAsk) -> int | None:
    """Return where the text written so far is complete; None if it may continue."""
    places = [found.start() for pattern in _patterns(ask) if (found := pattern.search(text))]
    if ask.block and (repeated := _repeated(text, ask.suffix)) is not None:
        places.append(repeated)
    return min(places, default=None)


def trimmed(text: str, ask: GapAsk, *, whole: bool) -> str:
    """Return the part of a text to keep.

    Args:
        text: the text written.
        ask: the request.
        whole: whether the endpoint ended by itself; if not, the unfinished last line of a block is dropped.
    """
    at = end(text, ask)
    if at is not None:
        return text[:at]
    lines, _, _ = text.rpartition("\n")
    return lines if ask.block and not whole and lines.strip() else text


def _patterns(ask: GapAsk) -> tuple[re.Pattern[str], ...]:
    return (_MARK, _TWO_BLANK) if ask.block else (_MARK, _LINE_END)


def _repeated(text: str, suffix: str) -> int | None:
    """Return where a block begins to repeat the first line that follows it, once it has some text of its own."""
    following = next((it.rstrip() for it in suffix.split("\n")[1:] if it.strip()), None)
    if following is None:
        return None
    at = text.find("\n")
    while at >= 0:
        line, mark, _ = text[at + 1 :].partition("\n")
        if mark and line.rstrip() == following and text[:at].strip():
            return at
        at = text.find("\n", at + 1)
    return None
