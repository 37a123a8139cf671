"""Users take turns; one who floods waits in a line of their own."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infill_serve.fair_queue import FairQueue


async def served(places: int, users: Sequence[str]) -> list[str]:
    """Return in which order requests that came at once got places, one given back after the other."""
    queue, order = FairQueue(places), list[str]()

    async def one(user: str) -> None:
        await queue.take(user)
        order.append(user)
        await asyncio.sleep(0)
        queue.give_back(user)

    await asyncio.gather(*(one(it) for it in users))
    assert (queue.waiting, queue.running) == (0, 0)
    return order


def test_one_who_floods_does_not_delay_others() -> None:
    order = asyncio.run(served(2, ["flood"] * 50 + ["ada", "grace"]))
    assert max(order.index("ada"), order.index("grace")) < 5
    assert len(order) == 52


def test_a_single_user_may_use_half_of_the_places_and_a_single_place_is_for_all() -> None:
    async def held(places: int) -> int:
        queue = FairQueue(places)
        tasks = [asyncio.create_task(queue.take("ada")) for _ in range(10)]
        await asyncio.sleep(0.01)
        for it in tasks:
            it.cancel()
        return queue.running

    assert asyncio.run(held(8)) == 4
    assert asyncio.run(held(1)) == 1


def test_who_gives_up_waiting_leaves_no_trace() -> None:
    async def run() -> None:
        queue = FairQueue(1)
        await queue.take("ada")
        waiting = [asyncio.create_task(queue.take(it)) for it in ("ada", "grace", "grace")]
        await asyncio.sleep(0)
        assert queue.waiting == 3
        waiting[1].cancel()
        await asyncio.sleep(0)
        assert queue.waiting == 2
        queue.give_back("ada")
        await waiting[0]
        queue.give_back("ada")
        await waiting[2]
        queue.give_back("grace")
        with pytest.raises(asyncio.CancelledError):
            await waiting[1]
        assert (queue.waiting, queue.running) == (0, 0)

    asyncio.run(run())


@settings(deadline=None)
@given(st.integers(1, 5), st.lists(st.sampled_from("abc"), max_size=30))
def test_everybody_is_served_once(places: int, users: list[str]) -> None:
    assert sorted(asyncio.run(served(places, users))) == sorted(users)
