"""Run `infill-lsp` as a program whose embedded model is the real one.

A folder chosen as the model is served by an engine short of memory; any other choice is the scripted model.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
import fake_engine
import short_of_memory

from infill_lsp.cli.main import main
from infill_lsp.engine.process import worker_command
from infill_lsp.settings.settings import EngineSettings


def engine(settings: EngineSettings) -> Sequence[str]:
    if settings.model == "embedded":
        return worker_command(settings)
    return short_of_memory.command(settings.model) if Path(settings.model).is_dir() else fake_engine.command()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], engine=engine))
