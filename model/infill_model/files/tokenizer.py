"""A checkpoint's own tokenizer as a `Vocabulary`: its ids shifted to make room for the canvas's special ids.

Read from tokenizer.json, or from vocab.json and merges.txt in Qwen2's format; both are data. The checkpoint's special
tokens are never recognised in a text and never become text.
"""

import json
import re
from functools import cached_property
from pathlib import Path
from typing import Final

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from infill_model.errors import WeightsError
from infill_model.files.checkpoint import Checkpoint
from infill_model.files.id_map import on_canvas
from infill_model.vocabulary import BYTE_OF, RESERVED, Vocabulary

_QWEN2_WORDS: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How Qwen2 splits text before its merges (transformers, models/qwen2/tokenization_qwen2.py)."""
_BYTE: Final = re.compile(r"<0x([0-9A-F]{2})>")


class CheckpointVocabulary(Vocabulary):
    """Converts text to canvas ids and back, for a tokenizer that is not this project's."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(tokenizer)
        self.size = RESERVED + 1 + max(tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)
        description = json.loads(tokenizer.to_str())
        self._special = {int(it["id"]) for it in description["added_tokens"] if it["special"]}
        self._byte_level = "ByteLevel" in json.dumps(description["decoder"])
        tokenizer.encode_special_tokens = True  # A file may contain the words <|endoftext|> as text.

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> "CheckpointVocabulary":
        """Read the tokenizer in a checkpoint's folder.

        Raises:
            WeightsError: there is no tokenizer that can be read as data.
        """
        folder = checkpoint.folder
        try:
            if (folder / "tokenizer.json").exists():
                return cls(Tokenizer.from_file(str(folder / "tokenizer.json")))
            if (folder / "vocab.json").exists() and (folder / "merges.txt").exists():
                return cls(_qwen2(folder, checkpoint))
        except Exception as error:  # tokenizers raises bare Exception for anything malformed
            raise WeightsError(f"{folder}: its tokenizer cannot be read ({error}); download it again") from error
        raise WeightsError(
            f"{folder}: it has neither tokenizer.json nor vocab.json with merges.txt; download its tokenizer"
        )

    def encode(self, text: str) -> list[int]:
        """Return the canvas ids of `text`; never a special id."""
        return on_canvas(super().encode(text))

    def encode_batch(self, texts: list[str]) -> list[list[int]]:  # type: ignore[override]  # Callers only pass lists.
        """Apply `encode` to each text."""
        return [self.encode(text) for text in texts]

    def _bytes(self, i: int) -> bytes:
        token = self._tokenizer.id_to_token(i - RESERVED)
        if token is None or i - RESERVED in self._special:
            return b""
        if self._byte_level and all(c in BYTE_OF for c in token):
            return bytes(BYTE_OF[c] for c in token)
        byte = _BYTE.fullmatch(token)
        return bytes([int(byte[1], 16)]) if byte else token.replace("▁", " ").encode()

    @property
    def text_size(self) -> int:
        """The number of ids in the checkpoint's tokenizer, including its own special ones."""
        return self.size - RESERVED

    def special_id(self, token: str) -> int | None:
        """Return the canvas id of one of the tokenizer's special tokens; None if it has no such token."""
        found = self._tokenizer.token_to_id(token)
        return None if found is None else found + RESERVED

    @cached_property
    def breaks(self) -> list[int]:
        """Canvas ids of the tokens with a line break in them."""
        return [i for i in range(RESERVED, self.size) if b"\n" in self._bytes(i)]


def qwen2_tokenizer(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> Tokenizer:
    """Build the fast form of Qwen2's tokenizer from its tables, without the added tokens."""
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_QWEN2_WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _qwen2(folder: Path, checkpoint: Checkpoint) -> Tokenizer:
    """Build the fast form of Qwen2's tokenizer; Dream and its relatives are published only with the slow one."""
    tokenizer = qwen2_tokenizer(*models.BPE.read_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    for name, number in sorted(checkpoint.added.items(), key=lambda it: it[1]):
        tokenizer.add_special_tokens([AddedToken(name, special=True, normalized=False)])
        if tokenizer.token_to_id(name) != number:
            raise WeightsError(f"the added token {name} should have the id {number}")
    return tokenizer
