"""Run `infill-lsp` as a program whose scripted engine gets the flags after `--`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.cli.main import main

if __name__ == "__main__":
    split = sys.argv.index("--")
    sys.exit(main(sys.argv[1:split], engine=lambda settings: fake_engine.command(*sys.argv[split + 1 :])))
