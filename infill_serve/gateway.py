"""The server's door: who may ask, how much, by which API; and answers as they come. Must not load a model."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import ExitStack, aclosing, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias

from ray.exceptions import RayActorError, RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from infill_lsp.endpoints.infill import draft_event
from infill_lsp.errors import SourceError
from infill_model.request import Fill, Frame
from infill_serve.job import FillJob
from infill_serve.limits import UserLimits, Users
from infill_serve.metrics import GatewayMetrics
from infill_serve.state import exported, running
from infill_serve.tokens import ANYONE, TokenFile
from infill_serve.wires import llama_cpp, openai, own
from infill_serve.wires.refused import RETRY_AFTER, RefusedError, busy, invalid
from infill_serve.wires.wire import Body, Wire, WireAsk

WIRES: Final = {it.path: it for it in (openai.COMPLETIONS, openai.FIM, llama_cpp.INFILL, own.FILL)}

_HEAD: Final = 200
"""Characters of a document's beginning that stand for its name where a client gives none."""

Answer: TypeAlias = Frame | tuple[Fill, ...]
"""A draft, or the fills that end an answer."""

_ENDED: Final = "The replica that was answering ended; try again"


class _EndedError(RefusedError):
    """A replica died, or the connection to it."""

    def __init__(self) -> None:
        super().__init__(503, "server_busy", _ENDED, RETRY_AFTER)


class Gateway:
    """Answers HTTP requests."""

    def __init__(self, replicas: Any, model: str, tokens: str | None, limits: UserLimits) -> None:
        """Read the tokens.

        Args:
            replicas: Ray's handle of the replicas.
            model: the model's name.
            tokens: the path of the file with the users' tokens; None to let anyone ask.
            limits: of body, rate and requests at once.

        Raises:
            SourceError: the file of tokens cannot be read.
        """
        self._replicas = replicas.options(stream=True)
        self._model, self._limits = model, limits
        self._tokens = TokenFile(Path(tokens) if tokens else None)
        self._users = Users(limits)
        self._metrics = GatewayMetrics()

    async def __call__(self, http: Request) -> Response:
        """Answer a request."""
        path = http.url.path.rstrip("/") or "/"
        if path == "/health":
            return await _health()
        wire = WIRES.get(path, openai.COMPLETIONS)
        try:
            answer = await self._answered(http, path, wire)
        except RefusedError as error:
            answer = _refusal(wire, error)
        self._metrics.answered(wire.name, answer.status_code)
        return answer

    async def _answered(self, http: Request, path: str, wire: Wire) -> Response:
        user = self._user(http)
        if path == "/v1/models" and http.method == "GET":
            return JSONResponse(_models(self._model))
        if path == "/metrics" and http.method == "GET":
            return await _metrics()
        if path not in WIRES:
            raise RefusedError(404, "not_found_error", "There is no such path; see docs/serving.md")
        if http.method != "POST":
            raise RefusedError(405, "invalid_request_error", "Requests to this path are POST")
        return await self._fill(http, user, wire)

    def _user(self, http: Request) -> str:
        kind, _, token = http.headers.get("authorization", "").partition(" ")
        try:
            user = self._tokens.user(token.strip() if kind.lower() == "bearer" else "")
        except SourceError:
            raise busy("The server cannot read its tokens") from None
        if user is None:
            raise RefusedError(401, "authentication_error", "A valid token is needed: Authorization: Bearer TOKEN")
        return user

    async def _fill(self, http: Request, user: str, wire: Wire) -> Response:
        with ExitStack() as stack:
            if user != ANYONE:
                stack.enter_context(self._users.request(user))
            ask = wire.read(await self._body(http))
            if ask.model not in ("", self._model, "default"):
                raise RefusedError(404, "not_found_error", f"There is no such model; this server has {self._model}")
            if not ask.tokens:
                return self._answer(wire, ask, ())
            items = self._started(_job(user, ask))
            first = await anext(items)
            if not ask.stream:
                async with aclosing(items):
                    return self._answer(wire, ask, await _last(first, items))
            release = stack.pop_all().close
            return StreamingResponse(self._streamed(wire, ask, first, items, release), media_type="text/event-stream")
        raise AssertionError("unreachable")

    def _answer(self, wire: Wire, ask: WireAsk, fills: tuple[Fill, ...]) -> Response:
        if ask.stream:
            text = "".join(_event(it) for it in wire.events(ask, fills, self._model))
            return Response(text + (f"data: {wire.end}\n\n" if wire.end else ""), media_type="text/event-stream")
        return JSONResponse(wire.whole(ask, fills, self._model))

    async def _body(self, http: Request) -> Body:
        """Read the body, no more of it and no longer than allowed.

        Raises:
            RefusedError: 413 too large, 408 too slow, 400 not a JSON object.
        """
        too_large = RefusedError(413, "invalid_request_error", f"The body is larger than {self._limits.body} bytes")
        length = http.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._limits.body:
            raise too_large
        data = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                async for chunk in http.stream():
                    data += chunk
                    if len(data) > self._limits.body:
                        raise too_large
        except TimeoutError:
            raise RefusedError(408, "invalid_request_error", "The body did not arrive in time") from None
        except ClientDisconnect:
            raise invalid("The client hung up") from None
        try:
            value = json.loads(bytes(data))
            if b"\\ud" in data.lower():  # Perhaps half a character, which no tokenizer takes.
                value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise invalid("The body is not JSON") from None
        if not isinstance(value, dict):
            raise invalid("The body is not a JSON object")
        return value

    async def _started(self, job: FillJob) -> AsyncGenerator[Answer, None]:
        """Yield what a replica answers; another one is asked if that one dies before its first word.

        Raises:
            RefusedError: there is no answer.
        """
        deadline = time.monotonic() + self._limits.seconds
        begun = False
        for last in (False, True):
            try:
                async with aclosing(self._items(job, deadline)) as items:
                    async for item in items:
                        begun = True
                        yield item
                return
            except _EndedError:
                if begun or last:
                    raise

    async def _items(self, job: FillJob, deadline: float) -> AsyncGenerator[Answer, None]:
        """Yield what one replica answers; the request there is cancelled when this ends early.

        No `asyncio.timeout` may span a yield: the items are read by more than one task.
        """
        answers = self._replicas.fill.remote(job)
        done = False
        try:
            while True:
                item = await asyncio.wait_for(anext(answers), max(0.0, deadline - time.monotonic()))
                if isinstance(item, RefusedError):
                    raise item
                yield item
        except StopAsyncIteration:
            done = True
        except TimeoutError:
            raise busy(f"No answer within {self._limits.seconds:g} s") from None
        except (BackPressureError, DeploymentUnavailableError):
            raise busy("Too many requests wait; try again") from None
        except RayActorError:
            raise _EndedError from None
        except RayError as error:
            raise RefusedError(500, "server_error", f"The server failed ({type(error).__name__})") from None
        finally:
            if not done:
                with suppress(RayError, RayServeException):  # It raises again what ended a request before its start.
                    answers.cancel()

    def _events(self, wire: Wire, ask: WireAsk, item: Answer) -> Iterable[Body]:
        return [draft_event(item)] if isinstance(item, Frame) else wire.events(ask, item, self._model)

    async def _streamed(
        self,
        wire: Wire,
        ask: WireAsk,
        first: Answer,
        items: AsyncGenerator[Answer, None],
        release: Callable[[], None],
    ) -> AsyncIterator[str]:
        try:
            async with aclosing(items):
                async for item in _chained(first, items):
                    for event in self._events(wire, ask, item):
                        yield _event(event)
            if wire.end:
                yield f"data: {wire.end}\n\n"
        except RefusedError as error:
            yield _event(wire.error(error))
        finally:
            release()


def _job(user: str, ask: WireAsk) -> FillJob:
    """Return the job; documents of different users never share a name, so never a cache."""
    name = ask.document or ask.request.prefix[:_HEAD]
    document = hashlib.sha256(f"{user}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()
    turn = document if user == ANYONE else user  # Where nobody has a name, documents take turns.
    return FillJob(turn, document, ask.request, ask.options, ask.drafts)


async def _chained(first: Answer, items: AsyncIterator[Answer]) -> AsyncIterator[Answer]:
    yield first
    async for item in items:
        yield item


async def _last(first: Answer, items: AsyncIterator[Answer]) -> tuple[Fill, ...]:
    last = first
    async for item in items:
        last = item
    if isinstance(last, Frame):
        raise _EndedError
    return last


def _event(value: Body) -> str:
    return f"data: {json.dumps(value, separators=(',', ':'))}\n\n"


def _refusal(wire: Wire, error: RefusedError) -> Response:
    wait = error.retry_after if error.retry_after is not None else (RETRY_AFTER if error.status in (429, 503) else None)
    headers = {} if wait is None else {"retry-after": f"{wait}"}
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return JSONResponse(wire.error(error), error.status, headers)


def _models(name: str) -> Body:
    return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "infill-lsp"}]}


async def _health() -> Response:
    """Return 200 while a replica runs, else 503."""
    count = await asyncio.to_thread(running)
    if not count:
        return JSONResponse({"status": "no replica runs", "replicas": 0}, 503, {"retry-after": f"{RETRY_AFTER}"})
    return JSONResponse({"status": "ok", "replicas": count})


async def _metrics() -> Response:
    """Return this machine's metrics for Prometheus."""
    text = await asyncio.to_thread(exported)
    if text is None:
        raise busy("The metrics cannot be read")
    return Response(text, media_type="text/plain; version=0.0.4")
