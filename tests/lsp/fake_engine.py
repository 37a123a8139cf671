"""A real engine process that serves a scripted model: run as a program, or selected by `command` in a test.

The first line of a request's prefix scripts the response:
    # slow      one draft per step until cancelled
    # raise TEXT  an error of the engine itself, with this text
    # refuse    an invalid request
    # memory    no memory left
    # print     garbage on standard output before the fill
    # die       the process ends
    # hold      native code that blocks all other threads, forever
    # native    native code that lets other threads run, forever
    # stuck     a step that never ends, though other threads run
    # tell PATH like slow, after writing to a named pipe that it has started
    # when PATH fills once there is such a file
    # edit PATH changes that file while filling
    # fill TEXT this text, in which \\n is a newline; anything else is filled with `filled`
It offers no copies in any case. With `--reads` it also reads present text: a word that stands around it is probable,
another one is not, and signs and blanks are.
"""

import argparse
import ctypes
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from infill_lsp.engine.lifeline import end_with_parent
from infill_lsp.engine.stdio import claim_stdio
from infill_lsp.engine.worker import serve
from infill_model.errors import WeightsError
from infill_model.filler import Filler, OnDraft, never
from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic, Timing, Token, TraceToken

INFO = Info("scripted", 1234, ("python",), "cpu", "float32", 1, 1024, 5678)


def command(*flags: str) -> list[str]:
    return [sys.executable, "-P", str(Path(__file__)), *flags]


class Scripted(Filler):
    def __init__(
        self,
        *,
        no_memory: bool = False,
        languages: Sequence[str] = INFO.languages,
        reads: bool = False,
        slow: bool = False,
    ) -> None:
        self._info = replace(INFO, languages=tuple(languages), reads=reads)
        self.no_memory, self.slow = no_memory, slow

    @property
    def info(self) -> Info:
        return self._info

    def fill(
        self,
        request: Request,
        options: Options,
        *,
        cancelled: Callable[[], bool] = never,
        critic: TextCritic | None = None,
        on_draft: OnDraft | None = None,
    ) -> list[Fill]:
        if options.copies_only or options.steps == 0:
            return self._read(request, options, cancelled)
        order, _, rest = request.prefix.partition("\n")[0].removeprefix("# ").partition(" ")
        order = "memory" if self.no_memory and request.prefix.startswith("#") else order  # A warm-up has enough memory.
        match order:
            case "slow" | "when":
                _draft_until(lambda: cancelled() or (bool(rest) and Path(rest).exists()), on_draft)
            case "tell":
                Path(rest).write_text("at work")
                _draft_until(cancelled, on_draft)
            case "edit":
                with Path(rest).open("a") as file:
                    file.write("# edited meanwhile\n")
            case "raise":
                raise RuntimeError(rest or "the script says so")
            case "refuse":
                raise ValueError("unknown unmask policy 'magic'")
            case "memory":
                raise MemoryError
            case "print":
                os.write(1, b"rubbish")
                print("more rubbish")
            case "hold" | "native" | "stuck" | "die":
                _END[order]()
        text = rest.replace("\\n", "\n") if order in ("fill", "blanks") else "filled"
        text = f"files_{len(request.files)}" if order == "files" else text
        ends = (" " * n if order == "blanks" else str(n or "") for n in range(options.n))  # Blanks are stripped later.
        fills = [_fill(f"{text}{it}", request, options) for it in ends]
        return [replace(it, confidence=it.confidence - n / 100) for n, it in enumerate(fills)]

    def _read(self, request: Request, options: Options, cancelled: Callable[[], bool]) -> list[Fill]:
        if self.slow:
            _draft_until(cancelled, None)
        return [read(request, it) for it in options.start or ()]


def read(request: Request, text: str) -> Fill:
    around = set(re.findall(r"\w+", request.prefix + request.suffix))
    words = re.findall(r"\w+|\s+|[^\w\s]", text)
    tokens = [Token(it, 0.9 if it in around or not it.isalnum() else 0.01, 0, pinned=False) for it in words]
    return Fill((text,), tuple(tokens), 1.0, 0.0, 0, 1, Timing(0.0, 0.0, 0.0), "complete")


def _hold() -> None:
    ctypes.PyDLL(None).sleep(1000)


def _die() -> None:
    print("about to die", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)


_END = {
    "hold": _hold,
    "native": lambda: ctypes.CDLL(None).sleep(1000),
    "stuck": lambda: threading.Event().wait(),
    "die": _die,
}


def _draft_until(cancelled: Callable[[], bool], on_draft: OnDraft | None) -> None:
    step = 0
    while not cancelled():
        step += 1
        if on_draft:
            on_draft(Frame(step, (TraceToken("", "masked", 0.0),), f"step {step}", 0.1))
        threading.Event().wait(0.002)  # the time of a step


def _fill(text: str, request: Request, options: Options) -> Fill:
    gaps = len(request.between) + 1
    tokens = [Token(text[:2], 0.9, 1, False), Token(text[2:], 0.4, 2, False)]
    for between in request.between:
        tokens += [Token(between, 1.0, 0, True), Token(text, 0.7, 1, False)]
    masked = TraceToken("", "masked", 0.0)
    first, second = TraceToken(text[:2], "committed", 0.9), TraceToken(text[2:], "committed", 0.4)
    trace = (
        Frame(0, (masked, masked), "all masked", 0.0),
        Frame(1, (first, masked), "committed 1", 1.5),
        Frame(2, (first, second), "committed 1", 1.25),
    )
    timing = Timing(1.5, 2.75, 4.5)
    return Fill(
        (text,) * gaps, tuple(tokens), 0.6, None, 2, 2, timing, "complete", trace=trace if options.trace else ()
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--refuse-to-load", metavar="SENTENCE")
    parser.add_argument("--die-at-start", action="store_true")
    parser.add_argument("--hang", action="store_true", help="never finish loading")
    parser.add_argument("--hold", action="store_true", help="hang in native code while loading; no other thread runs")
    parser.add_argument("--die-until", metavar="PATH", help="die while loading as long as there is no such file")
    parser.add_argument("--refuse-until", metavar="PATH", help="refuse to load as long as there is no such file")
    parser.add_argument("--load-when", metavar="PATH", help="a named pipe: load when it was written to")
    parser.add_argument("--long-line", type=int, default=0, help="bytes of one line on standard error while loading")
    parser.add_argument("--leave-behind", action="store_true", help="a process that holds standard error")
    parser.add_argument("--longest-step", type=float, default=600.0, help="seconds")
    parser.add_argument("--no-memory", action="store_true", help="too little for any request")
    parser.add_argument("--reads", action="store_true", help="say that it reads present text")
    parser.add_argument("--slow-reading", action="store_true", help="read until cancelled")
    parser.add_argument("--languages", nargs="+", default=INFO.languages, help="that it says it was trained on")
    flags = parser.parse_args()
    end_with_parent()
    return serve(partial(_load, flags), *claim_stdio(), longest_step=flags.longest_step)


def _load(flags: argparse.Namespace) -> Scripted:
    if flags.refuse_to_load:
        raise WeightsError(flags.refuse_to_load)
    if flags.refuse_until and not Path(flags.refuse_until).exists():
        raise WeightsError(f"{flags.refuse_until} is not there.")
    if flags.die_at_start:
        sys.exit("dying at the start")
    if flags.die_until and not Path(flags.die_until).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if flags.hang:
        threading.Event().wait()
    if flags.hold:
        _hold()
    _load_slowly(flags)
    return Scripted(no_memory=flags.no_memory, languages=flags.languages, reads=flags.reads, slow=flags.slow_reading)


def _load_slowly(flags: argparse.Namespace) -> None:
    if flags.load_when:
        Path(flags.load_when).read_text()
    if flags.long_line:
        os.write(2, b"x" * flags.long_line)
    if flags.leave_behind:
        subprocess.Popen(("sleep", "1000"), stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    os._exit(main())
