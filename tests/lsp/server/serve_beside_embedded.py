"""`infill-lsp` as a program whose chosen models are all the scripted one, and whose embedded model is the real one."""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine

from infill_lsp.cli import main
from infill_lsp.engine.process import worker_command
from infill_lsp.settings import EngineSettings


def engine(settings: EngineSettings) -> Sequence[str]:
    return worker_command(settings) if settings.model == "embedded" else fake_engine.command()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], engine=engine))
