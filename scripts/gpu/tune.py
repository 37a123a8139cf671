"""Run `infill-model tune` for some minutes, then `tune-denoiser`, and keep the newest update ready for collection.

tune.py --run DIR --out DIR FLAGS...    FLAGS are those of `infill-model tune`; they override `ON_A_GPU`

The contents of `--out` are renewed after each save, so a run that is killed at its limit leaves the update of its last
save: `update.tar` in parts (bfloat16, as PEFT stores it, with the denoiser) and the log. With the same `--run` it
resumes from there.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from parts import split

ON_A_GPU = (
    "--device", "cuda", "--rows", "64", "--workers", "12", "--held-out", "192", "--save-seconds", "30", "--compile",
)  # fmt: skip
MOST_BACK = 12
"""MiB of a part of the update."""

_LOOKS = 2.0
"""Seconds between checks for a newer update."""


def commands(flags: argparse.Namespace, given: Sequence[str]) -> list[list[str]]:
    """Return the `infill-model` commands of a run, in order. To add a training, add a row."""
    tune = ["tune", "--run", str(flags.run), *ON_A_GPU, *given]
    if not flags.denoiser_minutes:
        return [tune]
    update, model = str(flags.run / "update"), str(flags.run / "model.packed")
    corpora = [word for folder in flags.corpus for word in ("--corpus", folder)]
    where = ["--minutes", str(flags.denoiser_minutes), "--device", flags.device]
    return [
        tune,
        ["convert", "--gguf", flags.gguf, "--update", update, "--out", model],
        ["tune-denoiser", "--model", model, "--run", update, *corpora, *where],
    ]


def run(command: Sequence[str], keeper: "Keeper") -> int:
    """Run one command to its end and return its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "infill_model.cli", *command])
    try:
        while process.poll() is None:
            keeper.keep()
            try:
                process.wait(_LOOKS)
            except subprocess.TimeoutExpired:
                continue
    finally:
        process.kill()
        keeper.keep()
    return process.returncode


class Keeper:
    """Copies the newest update of a run to the output folder."""

    def __init__(self, run: Path, out: Path) -> None:
        self._run, self._out, self._kept = run, out, 0
        out.mkdir(parents=True, exist_ok=True)

    def keep(self) -> None:
        """Copy the update and the log, if the update is newer than the last one copied."""
        update, log = self._run / "update", self._run / "log.jsonl"
        stored, denoiser = update / "adapter_model.safetensors", update / "denoiser.safetensors"
        if not (stored.exists() and log.exists()):
            return
        written = max(it.stat().st_mtime_ns for it in (stored, denoiser) if it.exists())
        if written == self._kept:
            return
        archive = self._run / "update.tar"
        with tarfile.open(archive, "w") as tar:
            for it in update.iterdir():
                if it.suffix != ".part":  # Being written.
                    tar.add(it, f"update/{it.name}")
        split(archive, self._out, MOST_BACK)
        shutil.copyfile(log, self._out / log.name)
        self._kept = written


def main() -> int:
    """Run the commands until one fails."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument(
        "--run", type=Path, required=True, metavar="DIR", help="folder of the run; resumed if it exists"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="output folder for the update and log")
    parser.add_argument(
        "--denoiser-minutes", type=float, default=0, metavar="M", help="train the denoiser after the update"
    )
    flags, given = parser.parse_known_args()
    own = argparse.ArgumentParser(allow_abbrev=False)
    own.add_argument("--gguf")
    own.add_argument("--corpus", action="append", default=[])
    own.add_argument("--device", default="cuda")
    own.parse_known_args(given, flags)
    keeper = Keeper(flags.run, flags.out)
    return next((code for it in commands(flags, given) if (code := run(it, keeper))), 0)


if __name__ == "__main__":
    sys.exit(main())
