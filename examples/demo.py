"""Fills the gaps in the files beside it: each `...` is one.

Every fill is a call of `infill-lsp fill` as you would make it. Flags such as `--model PATH` are handed on; without
`--model` the larger model is shown, and fetched where it is not here, which `--model embedded` does not.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("basket.py", "access_log.py", "matrix.py")
GAP = re.compile(r"\.\.\.")
MODEL = "base-0.5b"
TOOL = [sys.executable, "-m", "infill_lsp.cli"]


def gaps(path):
    """The flags of `infill-lsp fill` for each gap of a file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for gap in GAP.finditer(line):
            yield [f"{path.relative_to(HERE.parent)}:{number}:{gap.start() + 1}", "--to", f"{number}:{gap.end() + 1}"]


def model_flags():
    """`--model` with the larger model where it is here or can be fetched, else with the embedded one."""
    print(f"The demonstration shows {MODEL}: 491 MB are fetched once, and 0.5 GB more converted from them.")
    print("`make demo MODEL=embedded` shows the model in the package and fetches nothing.", flush=True)
    if subprocess.run([*TOOL, "models", "use", MODEL, "--auto", "--yes"], cwd=HERE.parent).returncode == 0:
        return ["--model", MODEL]
    print(f"{MODEL} cannot be had now, as said above; here is the embedded model.", flush=True)
    return ["--model", "embedded"]


def main():
    flags_given = sys.argv[1:]
    if "--model" not in flags_given:
        flags_given = [*model_flags(), *flags_given]
    started = time.perf_counter()
    count = 0
    for name in FILES:
        for flags in gaps(HERE / name):
            print(f"\n$ infill-lsp fill {' '.join(flags + flags_given)}", flush=True)
            ended = subprocess.run([*TOOL, "fill", *flags, *flags_given], cwd=HERE.parent)
            if ended.returncode:
                return ended.returncode
            count += 1
    print(f"\n{count} gaps filled in {time.perf_counter() - started:.0f} s, loading the model each time included.")
    print("Add --trace fill.html to one of the commands and open the page to see how a fill comes about.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
