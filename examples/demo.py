"""Fills the gaps in the files beside it: each `...` is one.

Every fill is a call of `infill-lsp fill` as you would make it. Flags such as `--model PATH` are handed on.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("basket.py", "access_log.py", "matrix.py")
GAP = re.compile(r"\.\.\.")


def gaps(path):
    """The flags of `infill-lsp fill` for each gap of a file."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        for gap in GAP.finditer(line):
            yield [f"{path.relative_to(HERE.parent)}:{number}:{gap.start() + 1}", "--to", f"{number}:{gap.end() + 1}"]


def main():
    started = time.perf_counter()
    count = 0
    for name in FILES:
        for flags in gaps(HERE / name):
            print(f"\n$ infill-lsp fill {' '.join(flags + sys.argv[1:])}", flush=True)
            command = [sys.executable, "-m", "infill_lsp.cli", "fill", *flags, *sys.argv[1:]]
            ended = subprocess.run(command, cwd=HERE.parent)
            if ended.returncode:
                return ended.returncode
            count += 1
    print(f"\n{count} gaps filled in {time.perf_counter() - started:.0f} s, loading the model each time included.")
    print("Add --trace fill.html to one of the commands and open the page to see how a fill comes about.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
