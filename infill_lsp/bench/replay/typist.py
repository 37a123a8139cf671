"""Types a line as people do: bursts of keys with pauses, slips that are undone, pastes, accepted ghost text, jumps.

The dice and the ghost text that appears decide every stroke, so the same seed and answers give the same strokes. Knows
nothing of servers or clocks: a stroke says how long its typist waits afterwards.
"""

import random
import string
from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["jump", "type", "slip", "undo", "paste", "accept"]

BETWEEN_KEYS: Final = (0.08, 0.15)
"""Seconds between two keys of a burst, from and to."""

PAUSE: Final = (0.25, 0.9)
"""Seconds between two bursts; also after a jump, a paste and an accepted suggestion."""

BURST: Final = (4, 12)
"""Keys of a burst."""

SLIPS: Final = 0.08
"""The share of pauses after which a few wrong keys are hit, and undone."""

PASTES: Final = 0.05
"""The share of pauses after which the rest of the line is pasted."""

ACCEPTS: Final = 0.7
"""The share of correct suggestions, seen in a pause, that are accepted."""

_WORTH_PASTING: Final = 8
"""The minimum number of characters that are pasted."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One change of the document, after which the cursor is at the end of the new text.

    Attributes:
        kind: what the typist does.
        start: offset of the replaced range.
        end: the range's other end.
        text: in place of that range.
        wait: seconds until the next stroke.
    """

    kind: Kind
    start: int
    end: int
    text: str
    wait: float

    @property
    def cursor(self) -> int:
        """The offset of the cursor afterwards."""
        return self.start + len(self.text)


class Typist:
    """One person at a keyboard.

    A line is typed by iterating over `retype`, and sending the ghost text that is on the screen when the typist looks
    up; an empty string if there is none.
    """

    def __init__(self, seed: int, pace: float = 1.0) -> None:
        """Sit down.

        Args:
            seed: of the dice.
            pace: a factor for all times.
        """
        self._dice, self._pace = random.Random(seed), pace  # noqa: S311 - reproducible, not a secret

    def retype(self, start: int, line: str) -> Generator[Stroke, str, None]:
        """Yield the strokes that delete and retype a line without its indentation.

        Args:
            start: the offset where the text to be typed begins.
            line: the text, which stands there now.
        """
        ghost = yield Stroke("jump", start, start + len(line), "", self._pause())
        done = 0
        while done < len(line):
            at, rest, chance = start + done, line[done:], self._dice.random()
            if ghost.strip() and rest.startswith(ghost.rstrip()) and self._dice.random() < ACCEPTS:
                taken = ghost.rstrip()
                ghost = yield Stroke("accept", at, at, taken, self._pause())
                done += len(taken)
            elif chance < SLIPS:
                ghost = yield from self._slip(at)
            elif chance < SLIPS + PASTES and len(rest) >= _WORTH_PASTING:
                ghost = yield Stroke("paste", at, at, rest, self._pause())
                done = len(line)
            else:
                burst = rest[: self._dice.randint(*BURST)]
                for number, char in enumerate(burst, 1):
                    wait = self._pause() if number == len(burst) else self._gap()
                    ghost = yield Stroke("type", at + number - 1, at + number - 1, char, wait)
                done += len(burst)

    def _slip(self, at: int) -> Generator[Stroke, str, str]:
        """Hit a few wrong keys and undo them; return the ghost text seen last."""
        wrong = self._dice.choices(string.ascii_lowercase, k=self._dice.randint(1, 3))
        for number, char in enumerate(wrong):
            yield Stroke("slip", at + number, at + number, char, self._gap())
        return (yield Stroke("undo", at, at + len(wrong), "", self._pause()))

    def _gap(self) -> float:
        return self._pace * self._dice.uniform(*BETWEEN_KEYS)

    def _pause(self) -> float:
        return self._pace * self._dice.uniform(*PAUSE)
