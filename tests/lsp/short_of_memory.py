"""A real engine process with a real checkpoint, whose network runs out of memory on its GPU.

This happens at the third forward, or with `--at-once` at the first: in the warm-up, as part of the start.
"""

import itertools
import os
import sys
from pathlib import Path

from infill_lsp.engine.stdio import claim_stdio
from infill_lsp.engine.worker import serve
from infill_model.checkpoints.infiller import OpenInfiller

WORDS = (
    "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which 1.19 GiB is "
    "free. Of the allocated memory 21.80 GiB is allocated by PyTorch.\nSee the documentation for Memory Management."
)
"""The text of torch's error."""

AT_ONCE = "--at-once" in sys.argv


def command(folder: str, *flags: str) -> list[str]:
    return [sys.executable, "-P", str(Path(__file__)), folder, *flags]


def load() -> OpenInfiller:
    import torch  # noqa: PLC0415  # As the worker does it: who only names the command needs no torch.

    model = OpenInfiller.load(Path(sys.argv[1]), device="cpu", threads=1)
    forwards, enough = itertools.count(1), 0 if AT_ONCE else 2

    def lack_memory(*_: object) -> None:
        if next(forwards) > enough:
            raise torch.cuda.OutOfMemoryError(WORDS)

    model.denoiser.network.register_forward_pre_hook(lack_memory)
    return model


if __name__ == "__main__":
    os._exit(serve(load, *claim_stdio(), warm_up=AT_ONCE))
