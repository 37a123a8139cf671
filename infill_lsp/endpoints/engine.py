"""The facade of an endpoint: the same requests and answers as those of a model that is loaded here.

Requests run on a separate event loop, one fill at a time; a fill ends, and its connection is closed, within `_POLL`
seconds of its cancellation. Nothing is sent anywhere the user has not allowed, whatever the server says.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Final

from infill_lsp.endpoints import infill, llama_cpp, mercury, ollama, openai, permissions
from infill_lsp.endpoints.api import Api, EditApi, EndpointError, GapAsk
from infill_lsp.endpoints.partial import NEUTRAL, Clock, PartialFill, PartialText, fill
from infill_lsp.endpoints.transport import Retry, Transport
from infill_lsp.settings.settings import EndpointSettings
from infill_lsp.syntax.languages import LANGUAGES
from infill_model.errors import InfillModelError
from infill_model.filler import Filler, OnDraft, never
from infill_model.infill.sequential import turns
from infill_model.request import Fill, Frame, Info, Options, Request, TextCritic, Token, TraceToken

APIS: Final = {it.name: it for it in (openai.API, mercury.API, llama_cpp.API, ollama.API)}

PREFIX: Final = 12_000
"""Maximum number of characters sent before a gap, in whole lines."""

_STEP: Final = 2_000
"""Typed characters after which the start of what is sent moves."""

SUFFIX: Final = 4_000
"""Maximum number of characters sent after a gap."""

_TRIP: Final = 100.0
"""Milliseconds of a budget that are left for the way to a server for teams and back."""

_POLL: Final = 0.005
"""Seconds between checks whether a fill is still wanted."""

_LEFTOVERS: Final = 8
"""Turns of the event loop after a fill, in which httpx's own generators end: until the next fill nothing runs."""


class Endpoint(Filler):
    """An endpoint as an engine serves it."""

    def __init__(self, settings: EndpointSettings, retry: Retry | None = None) -> None:
        """Connect to nothing yet.

        Raises:
            EndpointError: the URL or the template is wrong.
        """
        self._settings = settings
        self._api = _api(settings)
        self._transport = Transport(settings, retry)
        self._runner = asyncio.Runner()
        self._info = Info(
            name=settings.model or f"the model of {settings.api}",
            parameters=0,
            languages=tuple(it.id for it in LANGUAGES),
            device=self._transport.place.host,
            dtype="unknown",
            threads=0,
            context=PREFIX + SUFFIX,
            trained_tokens=0,
        )

    @property
    def info(self) -> Info:
        """What is known of the model; the API does not provide more."""
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
        """Have the endpoint fill the gaps of a request; `critic` is not used, because the server judges the syntax.

        Raises:
            EndpointError: the endpoint cannot or must not be asked.
        """
        if options.copies_only and self._api is not None:
            return []
        if reason := permissions.refusal(self._settings):
            raise EndpointError(reason)
        try:
            return self._runner.run(_unless(cancelled, self._task(request, options, on_draft)))
        except InfillModelError:
            raise
        except Exception as error:  # Its message may be the endpoint's.
            host = self._transport.place.host
            raise EndpointError(f"{host} sent an answer that cannot be interpreted ({type(error).__name__})") from None

    def _task(self, request: Request, options: Options, on_draft: OnDraft | None) -> "_WholeFill | _Fill":
        if self._api is None:
            return _WholeFill(self._settings.model, self._transport, request, options, on_draft)
        return _Fill(self._api, self._settings.model, self._transport, request, options, on_draft)

    def close(self) -> None:
        """Close all connections."""
        self._runner.run(self._transport.close())
        self._runner.close()


async def _unless(cancelled: Callable[[], bool], fill_: "_WholeFill | _Fill") -> list[Fill]:
    """Return the fills; an empty list once cancelled."""
    work = asyncio.ensure_future(fill_.fills())
    while not (await asyncio.wait({work}, timeout=_POLL))[0]:
        if cancelled():
            work.cancel()
            with suppress(asyncio.CancelledError, EndpointError):
                await work
    for _ in range(_LEFTOVERS):
        await asyncio.sleep(0)
    return [] if work.cancelled() or cancelled() else work.result()


class _WholeFill:
    """One request in progress at a server for teams, which takes it as the local engine would."""

    def __init__(
        self, model: str, transport: Transport, request: Request, options: Options, on_draft: OnDraft | None
    ) -> None:
        self._transport, self._on_draft = transport, on_draft
        prefix, suffix = _last_lines(request.prefix, infill.PREFIX), _first_lines(request.suffix, infill.SUFFIX)
        budget, drafts = options.budget_ms, on_draft is not None
        left = None if budget is None else max(budget / 2, budget - _TRIP)
        self._ask = infill.FillAsk(
            replace(request, prefix=prefix, suffix=suffix),
            replace(options, budget_ms=left),
            drafts=drafts,
            model=model,
        )
        self._deadline = None if budget is None else time.monotonic() + budget / 1e3

    async def fills(self) -> list[Fill]:
        """Return the fills, the most probable first; none if the server does not answer in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(None if self._deadline is None else self._deadline - time.monotonic()):
                async with aclosing(
                    self._transport.values(infill.PATH, infill.body(self._ask), self._deadline)
                ) as values:
                    async for value in values:
                        match infill.read_event(value):
                            case Frame() as frame:
                                self._report(frame)
                            case fills:
                                return list(fills)
            raise EndpointError(f"{self._transport.place.host} ended its answer early, or it uses another API")
        return []

    def _report(self, frame: Frame) -> None:
        if self._on_draft is not None:
            self._on_draft(frame)


class _Fill:
    """One request in progress."""

    def __init__(
        self, api: Api, model: str, transport: Transport, request: Request, options: Options, on_draft: OnDraft | None
    ) -> None:
        self._api, self._model, self._transport = api, model, transport
        self._request, self._options, self._on_draft = request, options, on_draft
        self._started = time.monotonic()
        self._deadline = None if options.budget_ms is None else self._started + options.budget_ms / 1e3
        self._first: float | None = None
        self._trace: list[Frame] = []

    async def fills(self) -> list[Fill]:
        """Return the fills, the most probable first."""
        if self._options.start is not None:
            return await self._revised(self._options.start)
        if self._request.between:
            return [await self._in_turn()]
        first = self._ask(self._request.prefix, self._request.suffix)
        found = await self._candidates(first)
        unique = {it.text: it for it in reversed(found)}
        return [self._fill([it]) for it in reversed(unique.values())]

    async def _candidates(self, first: GapAsk) -> list[PartialText]:
        """Return the most probable fill, and others if the API can be asked for several; these may fail."""
        more = self._options.n - 1
        if not more or not self._api.several:
            return await self._write(first, self._report)
        sampled = replace(first, n=more, temperature=self._options.temperature, seed=self._options.seed)
        best, others = await asyncio.gather(
            self._write(first, self._report), self._write(sampled, _nobody), return_exceptions=True
        )
        if isinstance(best, BaseException):
            raise best
        return best if isinstance(others, BaseException) else [*best, *(it for it in others if it.text)]

    async def _in_turn(self) -> Fill:
        """Fill gaps one after the other: each sees the earlier ones filled, and the later ones empty."""
        written: list[PartialText] = []
        waiting = turns(self._request)
        one, _ = next(waiting)
        while True:
            (gap,) = await self._write(self._ask(one.prefix, one.suffix), self._report)
            written.append(gap)
            try:
                one, _ = waiting.send(gap.text)
            except StopIteration:
                return self._fill(written)

    async def _revised(self, start: Sequence[str]) -> list[Fill]:
        """Return the present code, preceded by the endpoint's revision if that differs."""
        edit = self._api.edit
        if edit is None or self._request.between:
            raise EndpointError("This endpoint fills gaps but does not revise code; Mercury's does, in one place")
        present = PartialText(start[0], (Token(start[0], NEUTRAL, 0, pinned=False),), "complete")
        text = await self._edited(edit, start[0])
        if text is None or text == start[0]:
            return [self._fill([present])]
        revised = PartialText(text, (Token(text, NEUTRAL, 1, pinned=False),), "complete")
        return [self._fill([revised]), self._fill([present])]

    async def _edited(self, edit: EditApi, present: str) -> str | None:
        """Return the revised text of the gap; None if the endpoint wants to change the code around it, or is late.

        An endpoint revises whole lines, so the rest of the gap's lines is sent and must come back.
        """
        prefix, mark, head = self._request.prefix.rpartition("\n")
        tail, newline, suffix = self._request.suffix.partition("\n")
        ask = self._ask(prefix + mark, newline + suffix)
        try:
            async with asyncio.timeout(self._left()):
                path, body = edit.path, edit.body(ask, head + present + tail)
                async with aclosing(self._transport.values(path, body, self._deadline)) as values:
                    lines = edit.revised(await anext(values, None))
        except TimeoutError:
            return None
        if lines is None or len(lines) < len(head) + len(tail):
            return None
        text = lines[len(head) : len(lines) - len(tail)]
        kept = lines.startswith(head) and lines.endswith(tail) and (self._request.block or "\n" not in text)
        return text if kept else None

    async def _write(self, ask: GapAsk, report: Callable[[PartialFill], None]) -> list[PartialText]:
        """Send one request for one gap; at the deadline return the text written by then."""
        drafts = [PartialFill(ask) for _ in range(ask.n)]
        with suppress(TimeoutError):
            async with asyncio.timeout(self._left()):
                await self._read(ask, drafts, report)
        return [it.written() for it in drafts]

    async def _read(self, ask: GapAsk, drafts: list[PartialFill], report: Callable[[PartialFill], None]) -> None:
        values = self._transport.values(self._api.path, self._api.body(ask), self._deadline)
        step = 0
        async with aclosing(values):
            async for value in values:
                step += 1
                for piece in self._api.pieces(value):
                    if 0 <= piece.index < len(drafts):
                        drafts[piece.index].add(piece, step)
                self._first = self._first or time.monotonic()
                report(drafts[0])
                if all(it.over for it in drafts):
                    return  # The rest of the answer is not wanted: the connection is closed.
        if not any(it.finished for it in drafts):
            raise EndpointError(f"{self._transport.place.host} ended its answer early, or it uses another API")

    def _ask(self, prefix: str, suffix: str) -> GapAsk:
        request = self._request
        return GapAsk(
            _last_lines(prefix, PREFIX), _first_lines(suffix, SUFFIX), request.files, request.block, self._model
        )

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def _report(self, draft: PartialFill) -> None:
        """Report and store the text written so far."""
        if self._on_draft is None and not self._options.trace:
            return
        tokens: tuple[TraceToken, ...] = draft.shown()
        frame = Frame(len(self._trace), tokens, f"received {len(draft.text)} characters", self._ms(time.monotonic()))
        self._trace.append(frame)
        if self._on_draft is not None:
            self._on_draft(frame)

    def _fill(self, written: Sequence[PartialText]) -> Fill:
        now = time.monotonic()
        clock = Clock(self._ms(self._first or now), self._ms(now))
        return fill(written, self._request.between, clock, tuple(self._trace) if self._options.trace else ())

    def _ms(self, at: float) -> float:
        return (at - self._started) * 1e3


def _nobody(draft: PartialFill) -> None:
    """Ignore the drafts of candidates that nobody watches."""


def _api(settings: EndpointSettings) -> Api | None:
    """Return how a gap is asked for; None for a server for teams, which takes whole requests."""
    if not settings.template:
        return None if settings.api == infill.NAME else APIS[settings.api]
    marks = settings.template.find("{prefix}"), settings.template.find("{suffix}")
    if settings.api != "openai" or not 0 <= marks[0] < marks[1]:
        raise EndpointError("infill.endpoint.template is for the API openai, and needs {prefix} and then {suffix}")
    return replace(APIS[settings.api], body=openai.templated(settings.template))


def _last_lines(prefix: str, most: int) -> str:
    """Return the end of a prefix; its start moves in steps, so that a server can reuse what it read a key before."""
    if len(prefix) <= most:
        return prefix
    end = prefix[-(-(len(prefix) - most) // _STEP) * _STEP :]
    return end.partition("\n")[2] or end


def _first_lines(suffix: str, most: int) -> str:
    if len(suffix) <= most:
        return suffix
    start = suffix[:most]
    return start.rpartition("\n")[0] or start
