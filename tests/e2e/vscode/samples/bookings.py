"""Bookings of rooms: read from a file, checked, summed up by room."""

import argparse
import csv
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path


class BookingError(Exception):
    """A booking that makes no sense, with the line it stands in."""


@dataclass(frozen=True)
class Booking:
    room: str
    guest: str
    first: date
    last: date
    price: float

    @property
    def nights(self) -> int:
        return (self.last - self.first).days

    @property
    def total(self) -> float:
        return self.nights * self.price

    def overlaps(self, other: "Booking") -> bool:
        return self.room == other.room and self.first < other.last and other.first < self.last


def parse(row: dict[str, str], line: int) -> Booking:
    try:
        booking = Booking(
            room=row["room"],
            guest=row["guest"],
            first=date.fromisoformat(row["first"]),
            last=date.fromisoformat(row["last"]),
            price=float(row["price"]),
        )
    except KeyError as error:
        raise BookingError(f"line {line}: there is no column {error}") from error
    except ValueError as error:
        raise BookingError(f"line {line}: {error}") from error
    if booking.nights <= 0:
        raise BookingError(f"line {line}: the last day is not after the first")
    return booking


def read(path: Path) -> Iterator[Booking]:
    with path.open(encoding="utf-8", newline="") as lines:
        for line, row in enumerate(csv.DictReader(lines), start=2):
            yield parse(row, line)


def conflicts(bookings: Iterable[Booking]) -> list[tuple[Booking, Booking]]:
    """Pairs of bookings that want the same room at the same time."""
    found = []
    by_room = defaultdict(list)
    for booking in bookings:
        for other in by_room[booking.room]:
            if booking.overlaps(other):
                found.append((other, booking))
        by_room[booking.room].append(booking)
    return found


def totals(bookings: Iterable[Booking]) -> dict[str, float]:
    """What each room brings in."""
    sums: dict[str, float] = defaultdict(float)
    for booking in bookings:
        sums[booking.room] += booking.total
    return dict(sums)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "path",
        type=Path,
        help="a CSV file with the columns room, guest, first, last, price",
    )
    parser.add_argument(
        "--room",
        default=None,
        help="only this room",
    )
    return parser.parse_args()


def main() -> int:
    args = arguments()
    try:
        bookings = list(read(args.path))
    except BookingError as error:
        print(error, file=sys.stderr)
        return 1
    for first, second in conflicts(bookings):
        print(f"{first.guest} and {second.guest} both want room {first.room}")
    for room, total in sorted(totals(bookings).items()):
        print(f"{room:10} {total:10.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
