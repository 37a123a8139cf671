"""Run `infill-model corpus` and `infill-model tokenizer`: turn flags into calls and progress into a bar.

The building itself is done by `corpus`, `sources` and `tokenizer`.
"""

import argparse
from pathlib import Path

from rich.progress import Progress

from infill_model.data.corpus import build_corpus
from infill_model.data.sources import DEFAULT_SOURCES, read_sources
from infill_model.data.tokenizer import train_tokenizer
from infill_model.vocabulary import Vocabulary


def add_corpus_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model corpus`."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write the corpus to")
    parser.add_argument(
        "--sources", type=Path, default=DEFAULT_SOURCES, metavar="FILE", help="list of packages (default: built in)"
    )
    parser.add_argument("--cache", type=Path, metavar="DIR", help="folder that keeps downloads (default: OUT/cache)")


def corpus(arguments: argparse.Namespace) -> None:
    """Fetch the sources, build the corpus and print how much of it was kept."""
    listed = read_sources(arguments.sources)
    cache = arguments.cache or arguments.out / "cache"
    with Progress() as bar:
        task = bar.add_task("starting")

        def show(name: str, done: int, total: int) -> None:
            bar.update(task, description=name, completed=done, total=total)

        manifest = build_corpus(listed, arguments.out, cache, show)
        show("done", len(manifest.sources), len(manifest.sources))
    for split, total in manifest.totals.items():
        print(
            f"{split}: {total['files_kept']:,} of {total['files']:,} files, "
            f"{total['bytes_kept'] / 1e6:.1f} of {total['bytes'] / 1e6:.1f} MB kept"
        )


def add_tokenizer_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `infill-model tokenizer`."""
    parser.add_argument(
        "--corpus", type=Path, required=True, metavar="DIR", help="folder written by `infill-model corpus`"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="tokenizer.json to write")
    parser.add_argument("--size", type=int, default=8192, metavar="N", help="tokens in the vocabulary (default: 8192)")


def tokenizer(arguments: argparse.Namespace) -> None:
    """Train the tokenizer and check that it loads."""
    train_tokenizer(arguments.corpus, arguments.out, arguments.size)
    print(f"{arguments.out}: {Vocabulary.load(arguments.out).size} tokens")
