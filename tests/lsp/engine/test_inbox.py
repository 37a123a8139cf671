"""Which request an engine takes next, and which it drops."""

import threading
import time

from infill_lsp.engine.inbox import Inbox
from infill_lsp.engine.messages import Ask
from infill_model.request import Options, Request


def ask(id_: int, stream: str) -> Ask:
    return Ask(id_, stream, Request("", ""), Options())


def taken(inbox: Inbox) -> int:
    found = inbox.take()
    assert found is not None
    return found.id


def test_streams_take_turns_in_the_order_they_came() -> None:
    inbox = Inbox()
    assert inbox.put(ask(1, "a")) == []
    assert inbox.put(ask(2, "b")) == []
    assert [taken(inbox), taken(inbox)] == [1, 2]


def test_the_newest_of_a_stream_replaces_the_waiting_ones() -> None:
    inbox = Inbox()
    inbox.put(ask(1, "a"))
    inbox.put(ask(2, "b"))
    assert inbox.put(ask(3, "a")) == [1]
    assert [taken(inbox), taken(inbox)] == [2, 3]


def test_the_newest_of_a_stream_cancels_the_running_one() -> None:
    inbox = Inbox()
    inbox.put(ask(1, "a"))
    assert taken(inbox) == 1
    inbox.put(ask(2, "b"))
    assert not inbox.is_cancelled()
    assert inbox.put(ask(3, "a")) == [], "the running one is answered by who runs it"
    assert inbox.is_cancelled()
    assert taken(inbox) == 2
    assert not inbox.is_cancelled(), "what was meant for the one before does not reach the next"


def test_cancelling() -> None:
    inbox = Inbox()
    inbox.put(ask(1, "a"))
    assert taken(inbox) == 1
    inbox.put(ask(2, "b"))
    assert inbox.cancel(2) == [2], "waiting: to be answered by who cancels"
    assert inbox.cancel(99) == []
    assert not inbox.is_cancelled()
    assert inbox.cancel(1) == []
    assert inbox.is_cancelled()


def test_closing_wakes_who_waits_and_cancels_what_runs() -> None:
    inbox = Inbox()
    inbox.put(ask(1, "a"))
    assert taken(inbox) == 1
    found: list[Ask | None] = []
    waiting = threading.Thread(target=lambda: found.append(inbox.take()))
    waiting.start()
    inbox.close()
    waiting.join(10)
    assert found == [None]
    assert inbox.is_cancelled()
    assert inbox.closed


def test_what_a_request_waited_is_counted_for_the_one_that_runs() -> None:
    inbox = Inbox()
    inbox.put(ask(1, "a"))
    inbox.put(ask(2, "b"))
    inbox.put(ask(3, "b"))
    before = time.monotonic()
    assert taken(inbox) == 1
    time.sleep(0.02)
    assert taken(inbox) == 3, "the second was replaced"
    assert 20 <= inbox.waited_ms <= (time.monotonic() - before) * 1e3 + 1000
    inbox.put(ask(4, "a"))
    inbox.take()
    assert inbox.waited_ms < 20, "not the wait of another"
