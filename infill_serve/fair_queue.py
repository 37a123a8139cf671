"""Who is filled for next: users take turns, so that one who floods waits in a line of their own."""

import asyncio
from collections import Counter, OrderedDict, deque


class FairQueue:
    """Places for requests in progress, of which one user holds no more than half; for one event loop."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._held: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """The number of requests that wait."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """The number of places taken."""
        return self._held.total()

    async def take(self, user: str) -> None:
        """Wait for a place; it must be given back with `give_back`, unless this is cancelled."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(user, deque()).append(turn)
        self._advance()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(user)
            self._forget(user, turn)
            raise

    def give_back(self, user: str) -> None:
        """Give a place back."""
        self._held[user] -= 1
        if not self._held[user]:
            del self._held[user]
        self._advance()

    def _forget(self, user: str, turn: "asyncio.Future[None]") -> None:
        if user in self._waiting and turn in self._waiting[user]:
            self._waiting[user].remove(turn)
            if not self._waiting[user]:
                del self._waiting[user]

    def _advance(self) -> None:
        """Give free places to those whose turn it is."""
        while self._waiting and self.running < self._places:
            user = next((it for it in self._waiting if self._may(it)), None)
            if user is None:
                return
            turns = self._waiting.pop(user)
            turn = turns.popleft()
            if turns:
                self._waiting[user] = turns  # At the end: the others come first.
            if not turn.done():
                self._held[user] += 1
                turn.set_result(None)

    def _may(self, user: str) -> bool:
        """Report whether a user may have another place: half of them at most, unless there is but one."""
        return self._held[user] < max(1, self._places // 2) or self._places == 1
