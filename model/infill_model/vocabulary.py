"""The tokenizer and the special ids: text to ids and back.

The only module that defines special ids. They occupy the first places of the vocabulary and cannot be produced by text,
so a user's file may contain the words `<mask>` or `<del>`, and a fill can never contain a marker.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from infill_model.errors import WeightsError

SPECIAL_TOKENS: Final = (
    "<pad>",  # fills a row up to a fixed length; never attended
    "<mask>",  # a canvas position that is still to be written
    "<del>",  # a surplus canvas position: it vanishes from the text
    "<bos>",  # the window starts at the beginning of the file
    "<file>",  # another file follows
    "<below>",  # the lines below the gap's line follow
    "<above>",  # the lines above follow, up to the gap
    "<rest>",  # autoregressive mode: the rest of the gap's line
    "<middle>",  # autoregressive mode: the gap's text follows
    "<end>",  # autoregressive mode: the gap's text is complete
    "<line>",  # after the rest of the gap's line: a gap contains no line break
)
PAD, MASK, DEL, BOS, FILE, BELOW, ABOVE, REST, MIDDLE, END, LINE = range(len(SPECIAL_TOKENS))
RESERVED: Final = 16
"""Ids below this one never come from text and never become text."""


class Vocabulary:
    """A byte-level BPE vocabulary whose first `RESERVED` ids are special."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read a `tokenizer.json`.

        Raises:
            WeightsError: the file is missing, is not a tokenizer, or its first ids are not this project's.
        """
        try:
            content = path.read_text(encoding="utf-8")
            tokenizer = Tokenizer.from_str(content)
        except OSError as error:
            raise WeightsError(f"{path}: cannot read the tokenizer ({error.strerror})") from error
        except Exception as error:  # tokenizers raises bare Exception for anything malformed
            raise WeightsError(f"{path}: not a tokenizer file ({error})") from error
        if any(tokenizer.id_to_token(i) != token for i, token in enumerate(SPECIAL_TOKENS)):
            raise WeightsError(
                f"{path}: its first ids are not infill-lsp's special tokens; it belongs to another model"
            )
        if json.loads(content).get("added_tokens"):
            raise WeightsError(
                f"{path}: special tokens are reachable from text; train it with `infill-model tokenizer`"
            )
        return cls(tokenizer)

    def encode(self, text: str) -> list[int]:
        """Return the ids of `text`; never a special id."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Apply `encode` to each text."""
        return [e.ids for e in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of `ids`. Special ids and bytes that form no character are dropped, not replaced."""
        return "".join(self.pieces(ids))

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """Return the text that each id adds, one string per id; their concatenation is `decode(ids)`.

        A character whose bytes are spread over several tokens belongs to the last of them; special ids add nothing.
        """
        pieces: list[str] = []
        pending = b""
        for i in ids:
            pending += b"" if i < RESERVED else self._bytes(i)
            text, pending = _complete_prefix(pending)
            pieces.append(text)
        return pieces

    def _bytes(self, i: int) -> bytes:
        token = self._tokenizer.id_to_token(i)
        return b"" if token is None else bytes(BYTE_OF[c] for c in token)


def _byte_alphabet() -> dict[str, int]:
    """Build GPT-2's byte-level alphabet: printable bytes map to themselves, the others to characters from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [b for b in range(256) if b not in printable]
    return {chr(b): b for b in printable} | {chr(256 + n): b for n, b in enumerate(hidden)}


BYTE_OF: Final = _byte_alphabet()
"""Maps the characters in which byte-level tokens are written to their bytes."""


def _complete_prefix(data: bytes) -> tuple[str, bytes]:
    """Split `data` into its complete characters and the bytes of one that may still be completed."""
    try:
        return data.decode("utf-8"), b""
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return data[: error.start].decode("utf-8"), data[error.start :]
        head = data[: error.start].decode("utf-8")
        rest, pending = _complete_prefix(data[error.end :])
        return head + rest, pending
