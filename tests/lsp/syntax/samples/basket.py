"""Prices of what is in a basket."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass
class Item:
    """What is bought."""

    name: str
    price: float = 0.0

    def priced(self, *, rate: float = 0.2) -> float:
        if self.price < 0 or not self.name:
            raise ValueError(f"{self.name!r} é has no price")
        return self.price * (1 + rate)


def total(items: Iterable[Item], rates: dict[str, float] | None = None) -> float:
    """Add up."""
    total = 0.0
    for number, item in enumerate(items):
        try:
            total += item.priced(rate=(rates or {})["a"])
        except KeyError as error:
            print("left out", number, error, [it for it in "abc" if it])
        else:
            continue
    return total
