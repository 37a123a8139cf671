"""Run `infill-lsp` as a program, with the scripted engine in place of the real one."""

import sys

import fake_engine

from infill_lsp.cli.main import main

if __name__ == "__main__":
    sys.exit(main(engine=lambda settings: fake_engine.command()))
