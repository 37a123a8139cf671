"""Parse messages from bytes, however they are split and whatever lies between them."""

import random

import pytest

from infill_lsp.server.framing import LARGEST, Broken, Frames


def frame(body: bytes, header: bytes = b"Content-Length: %d\r\n\r\n") -> bytes:
    return header % len(body) + body


def fed(data: bytes, size: int | None = None) -> list[bytes | Broken]:
    frames, size = Frames(), size or max(1, len(data))
    return [it for at in range(0, len(data), size) for it in frames.feed(data[at : at + size])]


@pytest.mark.parametrize("size", [1, 2, 7, 64, None])
def test_messages_come_whole(size: int | None) -> None:
    bodies = [b"{}", "é😀".encode(), b"", b"x" * 1000, b"a\r\n\r\nb"]
    assert fed(b"".join(map(frame, bodies)), size) == bodies


@pytest.mark.parametrize(
    "header",
    [
        b"content-length: %d\r\n\r\n",
        b"Content-Length:%d\r\n\r\n",
        b"Content-Length:   %d  \r\n\r\n",
        b"Content-Length: %d\n\n",
        b"Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: %d\r\n\r\n",
        b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc; charset=utf-8\r\n\r\n",
    ],
)
def test_headers_as_clients_write_them(header: bytes) -> None:
    assert fed(frame(b"{}", header) * 2) == [b"{}", b"{}"]


@pytest.mark.parametrize("size", [1, 5, None])
@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n\r\n",
        b'{"no":"header"}',
        b"Content-Length: many\r\n\r\n",
        b"Content-Length: -5\r\n\r\n{}",
        b"Content-Length: 2\r\n\r\n{}, and more than it said",
        b"Content-Length: %d\r\n\r\n" % (LARGEST + 1),
        b"\xff\xfe\x00" * 50_000,
        b"\r\n\r\n",
    ],
    ids=["words", "no header", "no number", "negative", "too short", "too long", "binary", "empty"],
)
def test_it_goes_on_after_garbage(garbage: bytes, size: int | None) -> None:
    if size and len(garbage) > 1000:
        size *= 1000
    found = fed(garbage + frame(b'{"a":1}') + frame(b'{"b":2}'), size)
    assert [it for it in found if it != b"{}" and isinstance(it, bytes)] == [b'{"a":1}', b'{"b":2}']
    assert any(isinstance(it, Broken) for it in found)


def test_garbage_between_messages_at_random() -> None:
    dice = random.Random(1)
    for _ in range(300):
        garbage = dice.randbytes(dice.randrange(40)).replace(b":", b"")
        found = fed(frame(b"1") + garbage + frame(b"2") + frame(b"3"), dice.randrange(1, 30))
        assert [it for it in found if isinstance(it, bytes)] == [b"1", b"2", b"3"]


@pytest.mark.parametrize(
    "line", ["Referer: http://a.host.org/?Content-Length:5", "X-Content-Length: 5", "A:Content-Length: 5"]
)
def test_the_name_of_a_header_is_no_part_of_another_one(line: str) -> None:
    found = fed(f"{line}\r\n\r\nhello".encode() + b"\r\n\r\n" + frame(b"{}"))
    assert [it for it in found if isinstance(it, bytes)] == [b"{}"]
    both = f"{line}\r\nContent-Length: 2\r\n\r\n[]".encode()
    assert fed(both) == [b"[]"]
