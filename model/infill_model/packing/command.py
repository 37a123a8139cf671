"""The `convert` command: makes the one file that the engine loads from a published model."""

import argparse
import sys
from pathlib import Path

from infill_model.packing.converted import convert


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `convert`."""
    parser.add_argument("--gguf", type=Path, required=True, metavar="FILE", help="the published model")
    parser.add_argument("--update", type=Path, metavar="DIR", help="a low-rank update to merge")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write")
    parser.add_argument("--name", default="base", help="the model's name (default: base)")


def run(flags: argparse.Namespace) -> None:
    """Convert, and report progress on standard error."""

    def progress(done: int, total: int) -> None:
        print(f"layer {done} of {total}", file=sys.stderr, flush=True)

    convert(flags.gguf, flags.update, flags.out, flags.name, progress)
