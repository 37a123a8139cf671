"""JSON-RPC as dispatched by pygls, hardened: every request is answered, and no input ends the server.

Differences from pygls: a message is validated as a whole and refused with an error of its own; a handler is called when
its message arrives, so that it sees the documents as they were then; documents are not kept twice; late answers of the
client are not errors; leaving is up to the transport.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, cast

from cattrs import transform_error
from lsprotocol import types
from pygls.protocol import LanguageServerProtocol

from infill_lsp.errors import UriError
from infill_lsp.server.convert import Message, in_new_dialect, old_dialect
from infill_lsp.server.uris import Spellings

_OWN_DOCUMENTS: Final = (
    types.TEXT_DOCUMENT_DID_OPEN,
    types.TEXT_DOCUMENT_DID_CHANGE,
    types.TEXT_DOCUMENT_DID_CLOSE,
    types.NOTEBOOK_DOCUMENT_DID_OPEN,
    types.NOTEBOOK_DOCUMENT_DID_CHANGE,
    types.NOTEBOOK_DOCUMENT_DID_CLOSE,
)

_log: Final = logging.getLogger(__name__)


class ServerProtocol(LanguageServerProtocol):
    """The dispatcher of one connection; `handle_message` takes JSON as received."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        for method in _OWN_DOCUMENTS:  # pygls splits lines at characters that do not end one, which corrupts text.
            del self.fm.builtin_features[method]
        self.fm.builtin_features[types.EXIT] = self._exit
        self.left = asyncio.Event()
        self._spellings = Spellings()
        self._initialized = False
        self._old_dialect = False

    @property
    def was_shut_down(self) -> bool:
        """Whether the client has asked to shut down, as it should before it leaves."""
        return self._shutdown

    def handle_message(self, message: object) -> None:  # Validated here, hence `object`.
        """Answer a message, or arrange for its answer."""
        if not isinstance(message, dict) or message.get("jsonrpc") != self.VERSION:
            self._refuse(message, types.ErrorCodes.InvalidRequest, "This is not a JSON-RPC 2.0 message.")
        elif "method" not in message:
            self._take_answer(message)
        elif not isinstance(message["method"], str) or not isinstance(message.get("id", 0), int | str):
            self._refuse(
                message, types.ErrorCodes.InvalidRequest, "A method must be a string, an id a string or number."
            )
        elif refusal := self._out_of_order(message["method"]):
            self._refuse(message, *refusal)
        else:
            self._take(message)

    def cancel_all(self) -> None:
        """Cancel all pending requests, in both directions."""
        for waiting in list(self._request_futures.values()):
            waiting.cancel()

    def refuse_garbage(self, sentence: str) -> None:
        """Answer bytes that are not a message at all."""
        self._refuse(None, types.ErrorCodes.ParseError, sentence)

    def _take(self, message: Message) -> None:
        if not self._knows(message["method"]):
            self._refuse(message, types.ErrorCodes.MethodNotFound, f"There is no method {message['method'][:100]}.")
            return
        if "id" in message and _is_notification(message["method"]):
            self._refuse(
                message, types.ErrorCodes.InvalidRequest, f"{message['method']} is a notification: it takes no id."
            )
            if message["method"] == types.EXIT:
                self._exit()
            return
        self._old_dialect = self._old_dialect or old_dialect(message)
        meant = in_new_dialect(message) if self._old_dialect else message
        try:
            self._spellings.take(meant)
            structured = self.structure_message(meant)
        except UriError as error:
            self._refuse(message, types.ErrorCodes.InvalidParams, f"{message['method']}: {error}.")
            return
        except Exception as error:  # A client's values may cause any error in the converter.
            wrong = "; ".join(transform_error(error.__cause__ or error)[:3])
            self._refuse(message, types.ErrorCodes.InvalidParams, f"{message['method']}: {wrong}.")
            return
        if message["method"] == types.INITIALIZE:
            self._initialized = True
        super().handle_message(structured)

    def _knows(self, method: str) -> bool:
        return method == types.CANCEL_REQUEST or method in self.fm.builtin_features or method in self.fm.features

    def _out_of_order(self, method: str) -> tuple[types.ErrorCodes, str] | None:
        """Return why a method cannot be called now; None if it can."""
        if self._shutdown and method != types.EXIT:
            return types.ErrorCodes.InvalidRequest, "The server was told to shut down."
        if not self._initialized and method not in {types.INITIALIZE, types.EXIT}:
            return types.ErrorCodes.ServerNotInitialized, "The first request must be initialize."
        if self._initialized and method == types.INITIALIZE:
            return types.ErrorCodes.InvalidRequest, "The server is already initialized."
        return None

    def _take_answer(self, message: Message) -> None:
        """Take an answer of the client; a malformed one fails the request that waits for it."""
        id_ = message.get("id")
        if not isinstance(id_, int | str) or id_ not in self._result_types:
            _log.info("An answer without a request was dropped.")
            return
        try:
            super().handle_message(self.structure_message(message))
        except Exception as error:
            _log.info("The client's answer is invalid: %r", error.__cause__ or error)
            self._settle(id_, error)

    def _handle_response(
        self, msg_id: int | str, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        """Handle a response as pygls does, but ignore one that nothing waits for any more."""
        self._result_types.pop(msg_id, None)
        waiting = self._request_futures.get(msg_id)
        if waiting is None or waiting.done():
            self._request_futures.pop(msg_id, None)
        else:
            super()._handle_response(msg_id, result, error)

    def _settle(self, id_: int | str, error: Exception) -> None:
        waiting = self._request_futures.pop(id_, None)
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)

    def _refuse(self, message: object, code: types.ErrorCodes, sentence: str) -> None:
        """Answer a request with an error; a notification is only logged, because nothing waits for an answer."""
        if isinstance(message, dict) and "id" not in message and "method" in message:
            _log.info("%s was dropped: %s", message["method"], sentence)
            return
        id_ = message.get("id") if isinstance(message, dict) else None
        id_ = id_ if isinstance(id_, int | str) and not isinstance(id_, bool) else None
        error = {"code": int(code), "message": sentence}
        self._send_data({"jsonrpc": self.VERSION, "id": id_, "error": error})  # lsprotocol would omit a null id.

    def _send_response(
        self, msg_id: int | str, result: Any | None = None, error: types.ResponseError | None = None
    ) -> None:
        """Send a response as pygls does, but without tracebacks, which are of no use to a client."""
        if error is not None and isinstance(error.data, dict) and "traceback" in error.data:
            _log.info("%s", "".join(map(str, error.data["traceback"])))
            error = types.ResponseError(error.code, error.message)
        super()._send_response(msg_id, result, error)

    def _execute_handler(
        self,
        msg_id: int | str,
        handler: Callable[..., Any],
        callback: Callable[[Future[Any]], None],
        args: tuple[Any, ...] | None = None,
        kwargs: dict[str, Any] | None = None,
    ) -> None:
        """Run a handler as pygls does, but call a plain function at once, and run a coroutine it returns as a task."""
        args, kwargs = args or (), kwargs or {}
        if asyncio.iscoroutinefunction(handler) or inspect.isgeneratorfunction(handler):
            super()._execute_handler(msg_id, handler, callback, args, kwargs)
            return
        outcome: Future[Any] = Future()
        try:
            result = handler(*args, **kwargs)
            if asyncio.iscoroutine(result):  # pygls itself keeps tasks among its futures.
                outcome = self._request_futures[msg_id] = cast("Future[Any]", asyncio.ensure_future(result))
            else:
                outcome.set_result(result)
        except Exception as error:
            outcome.set_exception(error)
        outcome.add_done_callback(lambda _: self._forget(msg_id, outcome))
        outcome.add_done_callback(callback)

    def _forget(self, id_: int | str, ended: Future[Any]) -> None:
        """Drop a future that has ended; pygls keeps a notification's task for good."""
        if self._request_futures.get(id_) is ended:
            del self._request_futures[id_]

    def _exit(self, *_: object) -> None:
        self.left.set()


def _is_notification(method: str) -> bool:
    """Report whether the protocol defines no answer to a method."""
    return method in types.METHOD_TO_TYPES and types.METHOD_TO_TYPES[method][1] is None
