"""Train the byte-level BPE vocabulary on a sample of the corpus.

The ids are laid out as `vocabulary.py` requires: special tokens, reserved ids, the 256 bytes, then the merges.
Encoding text with the result is left to the vocabulary.
"""

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from infill_model.data.corpus import CorpusFile, read_corpus, read_manifest
from infill_model.errors import CorpusError
from infill_model.vocabulary import RESERVED, SPECIAL_TOKENS

SAMPLE_BYTES: Final = 40_000_000
"""Bytes of text to train on; more takes longer and did not improve the vocabulary."""

SMALLEST: Final = RESERVED + 256

LONGEST_TOKEN: Final = 32
"""Bytes; a vocabulary entry is too costly to spend on a longer ruler of dashes."""

PIECES: Final = "|".join(
    (
        r"\r?\n[ \t]*",  # a line break with the next line's indentation
        r"\A[ \t]+",  # the indentation at the start of a text that begins a line
        r" ?[\p{L}_][\p{L}\p{N}_]*",  # a name
        r" ?\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}_]+",  # a run of punctuation, such as `):`
        r"[ \t]+(?!\S)",  # white space up to the last blank, which belongs to what follows it
        r"\s",
    )
)
"""Boundaries that no token crosses; text that matches no alternative becomes its own piece, so nothing is lost."""


def train_tokenizer(corpus: Path, out: Path, size: int) -> None:
    """Train a vocabulary of `size` tokens on the corpus in folder `corpus` and write it to `out`.

    Raises:
        CorpusError: the corpus cannot be read or is too small, the size is too small, or `out` cannot be written.
    """
    if size <= SMALLEST:
        raise CorpusError(f"a vocabulary of {size} tokens is too small: special tokens and bytes take {SMALLEST}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    reserved = [f"<reserved-{i}>" for i in range(len(SPECIAL_TOKENS), RESERVED)]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*SPECIAL_TOKENS, *reserved],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator((file.text for file in sample(corpus, SAMPLE_BYTES)), trainer)
    if tokenizer.get_vocab_size() < size:
        raise CorpusError(f"{corpus}: too little text for {size} tokens; it gave {tokenizer.get_vocab_size()}")
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = []  # They would make the special tokens reachable from text.
    try:
        out.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CorpusError(f"{out}: cannot write the tokenizer ({error.strerror})") from error


def sample(corpus: Path, size: int) -> Iterator[CorpusFile]:
    """Yield about `size` bytes of the corpus in folder `corpus`; weight and hash decide whether a row is kept."""
    share = size / max(1, read_manifest(corpus).totals["train"]["bytes_weighted"])
    for file in read_corpus(corpus, "train"):
        if _draw(file) < share * file.weight:
            yield file


def _draw(file: CorpusFile) -> float:
    """Return a number in [0, 1) that is always the same for the same file."""
    digest = blake2b(f"{file.project}\n{file.path}\n{file.text}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
