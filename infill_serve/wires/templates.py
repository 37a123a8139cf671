"""Reads prompts that a client wrote with the markers of a code model, where a request has no `suffix`.

Twinny writes all prompts so, and Continue those of `/v1/completions`. The formats are Qwen's, StarCoder's, Code
Llama's, DeepSeek's and Codestral's.
"""

from typing import Final

_FORMATS: Final = (
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("<PRE>", " <SUF>", " <MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),
)
_FILE: Final = "<|file_sep|>"


def parts(prompt: str) -> tuple[str, str, tuple[str, ...]] | None:
    """Return the text before the gap, the text after it, and other files' excerpts; None for a prompt without markers.

    All markers of a format must be there, in order, and the last one at the end.
    """
    for first, middle, last in _FORMATS:
        before, _, rest = prompt.partition(first)
        prefix, found, suffix = rest.removesuffix(last).rpartition(middle)
        if found and rest.endswith(last):
            files = tuple(it for it in before.split(_FILE) if it.strip())
            if first == "<PRE>":  # Code Llama's markers are words: spaces are between them and the code.
                prefix, suffix = prefix.removeprefix(" "), suffix.removeprefix(" ")
            return prefix, suffix, files
    before, _, rest = prompt.partition("[SUFFIX]")
    suffix, found, prefix = rest.partition("[PREFIX]")
    return (prefix, suffix, (before,) if before.strip() else ()) if found else None
