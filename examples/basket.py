"""A shop's basket: what is in it and what it costs."""

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass
class Item:
    name: str
    price: Decimal
    count: int = 1


@dataclass
class Basket:
    items: list[Item] = field(default_factory=list)

    def add(self, item: Item) -> None:
        """Put an item in; the same item again only counts up."""
        for known in self.items:
            if known.name == item.name:
                known.count += ...
                return
        self.items.append(item)

    def remove(self, name: str) -> None:
        """Take all items of this name out."""
        self.items = [item for item in self.items if ...]

    def total(self) -> Decimal:
        """What the customer pays."""
        total = Decimal(0)
        for item in self.items:
            ...
        return total
