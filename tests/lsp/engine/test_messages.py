"""The messages on the wire."""

import asyncio
import io
import json
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_lsp.engine import messages
from infill_lsp.engine.messages import (
    LARGEST,
    Ask,
    Cancel,
    EngineStatus,
    Failed,
    Filled,
    Message,
    Partial,
    Ping,
    Pong,
)
from infill_lsp.errors import MessageError
from infill_model.request import Fill, Frame, Info, Options, Request, Timing, Token, TraceToken

st.register_type_strategy(float, st.floats(allow_nan=False))  # NaN is sent as well, but does not equal itself.
KINDS: tuple[type[Message], ...] = (Ask, Cancel, Ping, Pong, Partial, Filled, Failed, EngineStatus)
MESSAGES: st.SearchStrategy[Message] = st.one_of([st.builds(kind) for kind in KINDS])
FRAME = Frame(1, (TraceToken("x", "committed", 0.5), TraceToken("", "masked", 0.0)), "committed 1", 3.25)
FILL = Fill(
    ("größe\n",), (Token("größe\n", 0.5, 1, False),), 0.5, None, 1, 2, Timing(1.0, 2.0, 3.0), "complete", trace=(FRAME,)
)
EVERY_KIND: list[Message] = [
    Ask(
        1, "file:///a.py", Request("\ud800 half a pair", "日本", ("x",), None, True), Options(n=3, budget_ms=1.5), True
    ),
    Cancel(2),
    Ping(3, "text"),
    Pong(3, "text"),
    Partial(4, FRAME),
    Filled(5, (FILL, FILL)),
    Failed(6, "internal", "It broke."),
    EngineStatus("ready", info=Info("m", 7, ("python",), "cpu", "float32", 2, 1024, 10**10)),
]


@settings(max_examples=50, deadline=None)
@given(st.lists(MESSAGES, max_size=4))
def test_what_is_written_is_read(sent: list[Message]) -> None:
    stream = io.BytesIO()
    for message in sent:
        messages.write(stream, message)
    stream.seek(0)
    assert [messages.read(stream) for _ in sent] == sent
    assert messages.read(stream) is None


@pytest.mark.parametrize("message", EVERY_KIND, ids=lambda message: type(message).__name__)
def test_every_kind_survives_with_its_types(message: Message) -> None:
    again = messages.decode(messages.encode(message)[4:])
    assert again == message
    assert repr(again) == repr(message), "tuples stay tuples, floats stay floats"


def test_the_wire_is_a_length_and_json() -> None:
    wire = messages.encode(Cancel(7))
    assert wire[:4] == struct.pack(">I", len(wire) - 4)
    assert json.loads(wire[4:]) == ["cancel", {"id": 7}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{}",
        b"[1]",
        b'["ask",{}]',
        b'["cancel",{"id":"x"}]',
        b'["exec",{}]',
        b'["status",{"state":"odd"}]',
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    with pytest.raises(MessageError, match="use different protocols"):
        messages.decode(body)


def test_a_field_of_a_later_version_is_ignored() -> None:
    assert messages.decode(b'["cancel",{"id":1,"why":"bored"}]') == Cancel(1)


def test_an_absurd_length_is_refused_before_it_is_read() -> None:
    with pytest.raises(MessageError, match="bytes"):
        messages.read(io.BytesIO(struct.pack(">I", LARGEST + 1)))


@pytest.mark.parametrize("kept", [0, 2, 4, 9])
def test_a_stream_cut_in_mid_message_has_ended(kept: int) -> None:
    wire = messages.encode(Ping(1, "hello"))[:kept]
    assert messages.read(io.BytesIO(wire)) is None
    assert asyncio.run(_read_async(wire)) == [None]


def test_asyncio_reads_the_same() -> None:
    wire = b"".join(messages.encode(message) for message in EVERY_KIND)
    assert asyncio.run(_read_async(wire)) == [*EVERY_KIND, None]


async def _read_async(wire: bytes) -> list[Message | None]:
    reader = asyncio.StreamReader()
    reader.feed_data(wire)
    reader.feed_eof()
    found: list[Message | None] = []
    while not found or found[-1] is not None:
        found.append(await messages.read_async(reader))
    return found
