"""The engine process: reads requests from its standard input, fills gaps, writes answers to its standard output.

A reader thread takes the messages, so that a cancellation or a newer request is seen while the main thread denoises.
A third thread reports each second that the process is running, even while the main thread is in native code. This
module combines the model with the critic and is the only one of the language server that imports the model. Must not
depend on files, documents or editors. Ends when its standard input does, that is, when the server is gone.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from infill_lsp.engine import messages
from infill_lsp.engine.inbox import Inbox
from infill_lsp.engine.judges import critic_of
from infill_lsp.engine.lifeline import end_with_parent
from infill_lsp.engine.messages import Ask, Beat, Cancel, EngineStatus, Failed, Filled, Message, Partial, Ping, Pong
from infill_lsp.engine.stdio import claim_stdio
from infill_lsp.engine.watchdog import BEAT
from infill_lsp.errors import MessageError
from infill_lsp.settings.settings import EndpointSettings, EngineSettings
from infill_model.errors import InfillModelError
from infill_model.filler import Filler, SharedFiller
from infill_model.request import Frame, Options, Request, TextCritic

_GRACE: Final = 1.0
"""Seconds a fill or a load may continue after standard input ended, before the process ends without it."""

_LONGEST_STEP: Final = 600.0
"""Seconds a step may take on the slowest machine; then the device is considered hung, and beats stop."""


def serve(
    load: Callable[[], Filler],
    stdin: BinaryIO,
    stdout: BinaryIO,
    *,
    warm_up: bool = True,
    longest_step: float = _LONGEST_STEP,
) -> int:
    """Load a model and answer requests until `stdin` ends.

    Args:
        load: makes the filler to serve.
        stdin: source of requests.
        stdout: destination of answers.
        warm_up: whether to run a fill before the first request; an endpoint is sent nothing that nobody asked for.
        longest_step: seconds that a step of a fill may take before this process stops reporting that it runs.

    Returns:
        The exit status: 0 when `stdin` ended, 1 when the model cannot be loaded; then the last message was an
        `EngineStatus` `degraded` with the reason, and restarting would not help. Also 1 when the device broke during
        a request; then restarting may help.
    """
    inbox, send = Inbox(), _Sender(stdout)
    ended = threading.Event()
    send(EngineStatus("starting"))
    threading.Thread(target=_read, args=(stdin, inbox, send, ended), daemon=True).start()
    threading.Thread(target=_beat, args=(inbox, send, ended, longest_step), daemon=True).start()
    try:
        filler = load()
        if warm_up:
            filler.fill(*_WARM_UP, cancelled=lambda: inbox.closed, critic=None, on_draft=None)
    except Exception as error:  # Any error here would recur at the next start.
        send(EngineStatus("degraded", reason=_why_not_loaded(error)))
        return 1
    send(EngineStatus("ready", info=filler.info))
    while (ask := inbox.take()) is not None:
        send(EngineStatus("busy"))
        answer = _answer(filler, ask, inbox, send)
        send(answer)
        if isinstance(answer, Failed) and answer.kind == "broken":
            print(answer.sentence, file=sys.stderr)
            return 1
        send(EngineStatus("ready"))
    ended.set()
    return 0


_WARM_UP: Final = (Request("def add(a, b):\n    return ", "\n"), Options(steps=4))
"""The first forward allocates and chooses kernels; nobody should wait for that."""


class _Sender:
    """Writer of messages from all threads, one at a time. A reader that is gone is no error: `stdin` ends as well."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._lock = stream, threading.Lock()

    def __call__(self, message: Message) -> None:
        with self._lock:
            try:
                messages.write(self._stream, message)
            except OSError:
                pass


def _read(stdin: BinaryIO, inbox: Inbox, send: _Sender, ended: threading.Event) -> None:
    """Run the reader thread, which ends with `stdin` and then makes sure that the process ends too."""
    try:
        while (message := messages.read(stdin)) is not None:
            match message:
                case Ask():
                    for old in inbox.put(message):
                        send(_cancelled(old))
                case Cancel(id=id_):
                    for old in inbox.cancel(id_):
                        send(_cancelled(old))
                case Ping(id=id_, text=text):
                    send(Pong(id_, text))
                case _:
                    raise MessageError(f"An engine does not accept {type(message).__name__}")
    except MessageError as error:
        print(error, file=sys.stderr)
    inbox.close()
    if not ended.wait(_GRACE):
        os._exit(1)  # The main thread hangs in native code; nothing else can end it.


def _beat(inbox: Inbox, send: _Sender, ended: threading.Event, longest_step: float) -> None:
    """Run the thread that reports that the process runs: not while it is stopped, deadlocked, or hung in a step."""
    while not ended.wait(BEAT):
        if inbox.stuck_for < longest_step:
            send(Beat())


class _TimedCritic:
    """A critic that counts the milliseconds spent in it."""

    def __init__(self, critic: TextCritic) -> None:
        self._critic, self.ms = critic, 0.0

    def __call__(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Judge the text of each gap."""
        began = time.perf_counter()
        try:
            return self._critic(texts)
        finally:
            self.ms += (time.perf_counter() - began) * 1e3


def _answer(filler: Filler, ask: Ask, inbox: Inbox, send: _Sender) -> Message:
    def on_draft(frame: Frame) -> None:
        send(Partial(ask.id, frame))

    queue_ms = inbox.waited_ms
    try:
        judge = critic_of(ask.request, ask.options)
        critic = _TimedCritic(judge) if judge else None
        fills = filler.fill(
            ask.request,
            ask.options,
            cancelled=inbox.is_cancelled,
            critic=critic,
            on_draft=on_draft if ask.drafts else None,
        )
    except (InfillModelError, ValueError) as error:
        return Failed(ask.id, "refused", str(error))
    except Exception as error:  # An engine that ended here would take the other documents' requests with it.
        if is_memory(error):
            return Failed(ask.id, "memory", f"The model ran out of memory ({_first_sentence(error)})")
        return Failed(ask.id, _kind(error), f"An error occurred in the engine: {error!r}")
    if inbox.is_cancelled():
        return _cancelled(ask.id)
    critic_ms = round(critic.ms if critic else 0.0, 3)
    timed = (replace(it, ms=replace(it.ms, critic=critic_ms, queue=round(queue_ms, 3))) for it in fills)
    return Filled(ask.id, tuple(timed))


def _why_not_loaded(error: Exception) -> str:
    if isinstance(error, InfillModelError):
        return str(error)
    if isinstance(error, ImportError):
        return f"The engine needs a package that is not installed ({error}); install infill-lsp again"
    if is_memory(error):
        return f"Memory is too small for the model ({_first_sentence(error)}); choose a smaller one or another device"
    return f"The engine cannot load its model: {error!r}"


def _kind(error: Exception) -> messages.FailureKind:
    """Return `broken` if the device is unusable for this process: after such an error every other request fails too."""
    return "broken" if type(error).__name__ == "AcceleratorError" or "CUDA error" in str(error) else "internal"


def is_memory(error: Exception) -> bool:
    """Report whether an error means too little memory: Python's, torch's, or one of torch's messages for a CPU."""
    words = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
    kinds = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return kinds or (isinstance(error, RuntimeError) and any(it in str(error) for it in words))


def _first_sentence(error: Exception) -> str:
    """Return the beginning of an error's message; its type if it has none."""
    return str(error).strip().partition("\n")[0].partition(". ")[0].rstrip(".") or type(error).__name__


def _cancelled(id_: int) -> Failed:
    return Failed(id_, "cancelled", "The request was cancelled, or a newer one took its place.")


def _need_no_folder(*, compiles: bool) -> None:
    """Make the process run even if the working folder was deleted or nothing temporary can be written.

    On import torch looks for both, and makes a folder for its compiler, which is needed only to compile.
    """
    try:
        Path.cwd()
    except OSError:
        os.chdir(os.sep)
    if not compiles:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", os.sep)  # It exists, so nothing is created.


def main(arguments: Sequence[str]) -> int:
    """Run `python -m infill_lsp.engine.worker SETTINGS`: serve the model of these settings, one JSON value."""
    settings = EngineSettings.from_json(arguments[0])
    end_with_parent()
    _need_no_folder(compiles=settings.compile != "off")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the program that started this one.
    if settings.endpoint is not None:
        return serve(partial(_endpoint, settings.endpoint), *claim_stdio(), warm_up=False)
    return serve(partial(load_model, settings), *claim_stdio())


def load_model(settings: EngineSettings) -> Filler:
    """Load the model of these settings into this process."""
    from infill_model.checkpoints import loading  # noqa: PLC0415  # torch takes a second; `starting` is sent before

    one = partial(loading.load, settings.model)
    both = partial(loading.load_verified, settings.model, settings.verify or "", settings.verify_by)
    return (both if settings.verify else one)(
        device=settings.device,
        dtype=settings.dtype,
        threads=settings.cpu_threads,
        reuse=settings.reuse,
        compiled=settings.compile == "auto",
    )


def load_shared(settings: EngineSettings) -> SharedFiller:
    """Load the model of these settings for several requests at once."""
    from infill_model.checkpoints import loading  # noqa: PLC0415

    return loading.shared(load_model(settings))


def _endpoint(settings: EndpointSettings) -> Filler:
    from infill_lsp.endpoints.engine import Endpoint  # noqa: PLC0415  # a model that is loaded here needs no httpx

    return Endpoint(settings)


if __name__ == "__main__":
    # Not sys.exit: that would wait for the reader thread's stream and for torch to clean up.
    os._exit(main(sys.argv[1:]))
