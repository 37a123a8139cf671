"""Pack corpora into one small file, and unpack it as a corpus on another machine.

pack.py pack CORPUS... --out FILE.xz --most MIB    a twentieth of it held out; tests are left out first
pack.py unpack FILE.xz --out DIR                   a folder that `infill-model tune --corpus` reads

Folders of code are drawn in a random order and packed whole, because files of one folder compress well together.
"""

import argparse
import gzip
import json
import lzma
import random
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from infill_model.data.corpus import CorpusFile, read_corpus

MIB = 1 << 20
HELD_OUT = 0.05
"""Share of the size that held-out code may take."""

_HELD_BACK = MIB // 4
"""Bytes that the compressor may still hold in its buffer."""

_SPLITS = ("heldout", "train")


def pack(corpora: Iterable[Path], out: Path, most: float, seed: int = 0) -> dict[str, int]:
    """Write as much of the corpora as fits into `most` MiB, and return the characters packed for each split."""
    corpora, room = list(corpora), int(most * MIB) - _HELD_BACK
    packed = dict.fromkeys(_SPLITS, 0)
    compressor = lzma.LZMACompressor()
    with out.open("wb") as file:
        for split, end in zip(_SPLITS, (room * HELD_OUT, room), strict=True):
            for row in drawn([it for corpus in corpora for it in read_corpus(corpus, split)], seed):
                if file.tell() >= end:
                    break
                line = json.dumps({"split": split} | asdict(row), ensure_ascii=False) + "\n"
                file.write(compressor.compress(line.encode()))
                packed[split] += len(row.text)
        file.write(compressor.flush())
    return packed


def drawn(files: Iterable[CorpusFile], seed: int) -> list[CorpusFile]:
    """Return files with their folders in random order; files drawn less often in training come last."""
    folders: dict[tuple[str, str], list[CorpusFile]] = {}
    for file in files:
        folders.setdefault((file.project, str(Path(file.path).parent)), []).append(file)
    order = list(folders.values())
    random.Random(seed).shuffle(order)  # noqa: S311  # What is drawn is no secret.
    return sorted((it for folder in order for it in folder), key=lambda it: -it.weight)


def unpack(file: Path, out: Path) -> None:
    """Unpack a packed file into a corpus."""
    out.mkdir(parents=True, exist_ok=True)
    for split in _SPLITS:
        with gzip.open(out / f"{split}.jsonl.gz", "wt", compresslevel=1, encoding="utf-8") as rows:
            rows.writelines(json.dumps(it, ensure_ascii=False) + "\n" for it in _rows(file, split))


def _rows(file: Path, split: str) -> Iterator[dict[str, object]]:
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            if row.pop("split") == split:
                yield row


def main() -> None:
    """Pack or unpack a corpus."""
    parser = argparse.ArgumentParser(description="Pack corpora into one file, or unpack it.")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack")
    packing.add_argument("corpora", type=Path, nargs="+", metavar="CORPUS")
    packing.add_argument("--out", type=Path, required=True, metavar="FILE")
    packing.add_argument("--most", type=float, required=True, metavar="MIB", help="of the file")
    packing.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("file", type=Path)
    unpacking.add_argument("--out", type=Path, required=True, metavar="DIR")
    flags = parser.parse_args()
    if flags.command == "pack":
        packed = pack(flags.corpora, flags.out, flags.most, flags.seed)
        said = ", ".join(f"{name} {count / 1e6:.1f} M characters" for name, count in packed.items())
        print(f"{flags.out}: {flags.out.stat().st_size / MIB:.1f} MiB, {said}")
    else:
        unpack(flags.file, flags.out)


if __name__ == "__main__":
    main()
