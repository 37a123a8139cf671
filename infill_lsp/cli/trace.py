"""The trace page: one self-contained HTML file that plays a fill step by step.

The page is `trace.html` with the fill's data embedded; all drawing is done there. The page makes no network requests,
and the user's code enters it as data only.
"""

import html
import json
from importlib import resources
from typing import Final

from infill_lsp.cli.filled_document import FilledDocument
from infill_lsp.cli.render import CONFIDENCE_COLOURS
from infill_model.request import Frame, Info, Token, TraceToken

_AROUND: Final = 14
"""Lines of the user's own code shown above and below a gap."""


def page(filled: FilledDocument, info: Info) -> str:
    """Return the HTML for a fill that was made with `Options.trace`."""
    line, column = filled.before.place(filled.gaps[0].start)
    title = f"{filled.before.name}:{line}:{column}"
    # In a script element only `<` has a meaning to an HTML parser.
    data = json.dumps(_data(filled, info, title), ensure_ascii=True).replace("<", "\\u003c")
    template = resources.files("infill_lsp.cli").joinpath("trace.html").read_text(encoding="utf-8")
    before, _, rest = template.partition("{{title}}")
    middle, _, after = rest.partition("{{data}}")
    return f"{before}{html.escape(title)}{middle}{data}{after}"


def _data(filled: FilledDocument, info: Info, title: str) -> dict[str, object]:
    fill = filled.fill
    above = filled.request.prefix.split("\n")[-_AROUND - 1 :]
    frames, tail = _frames(filled)
    below = filled.request.suffix.removeprefix(tail).rstrip("\n").split("\n")[: _AROUND + 1]
    return {
        "title": title,
        "model": info.name,
        "device": f"{info.device} {info.dtype}",
        "first": filled.request.prefix.count("\n") - len(above) + 2,
        "above": "\n".join(above),
        "below": "\n".join(below),
        "stops": CONFIDENCE_COLOURS,
        "frames": [
            {
                "step": frame.step,
                "event": frame.event,
                "ms": frame.ms,
                "tokens": [[token.text, token.state, round(token.confidence, 4)] for token in frame.tokens],
            }
            for frame in frames
        ],
        "confidence": fill.confidence,
        "forwards": fill.forwards,
        "steps": fill.steps,
        "ms": fill.ms.total,
        "stopped": fill.stopped,
        "parses": filled.parses,
    }


def _frames(filled: FilledDocument) -> tuple[list[Frame], str]:
    """Return the frames to show, starting with the canvas before the first step, and the pinned text at their end.

    The rest of the gap's line is pinned in the canvas; where it differs from the start of the suffix, as when a
    character is cut in two, it is left out.

    """
    frames = list(filled.fill.trace)
    if not frames:
        tokens = tuple(_as_ended(token) for token in filled.fill.tokens)
        why = "its steps were not recorded" if filled.fill.steps else "nothing was denoised"
        return [Frame(filled.fill.steps, tokens, f"as it ended; {why}", 0.0)], ""
    if frames[0].step > 0:
        masks = tuple(token if token.state == "pinned" else TraceToken("", "masked", 0.0) for token in frames[0].tokens)
        frames.insert(0, Frame(0, masks, f"{sum(token.state == 'masked' for token in masks)} masks", 0.0))
    pinned = _pinned_at_end(frames[-1])
    tail = "".join(token.text for token in pinned)
    if filled.request.suffix.startswith(tail):
        return frames, tail
    return [Frame(it.step, it.tokens[: len(it.tokens) - len(pinned)], it.event, it.ms) for it in frames], ""


def _as_ended(token: Token) -> TraceToken:
    return TraceToken(token.text, "pinned" if token.pinned else "committed", token.confidence)


def _pinned_at_end(frame: Frame) -> tuple[TraceToken, ...]:
    count = 0
    while count < len(frame.tokens) and frame.tokens[-1 - count].state == "pinned":
        count += 1
    return frame.tokens[len(frame.tokens) - count :]
