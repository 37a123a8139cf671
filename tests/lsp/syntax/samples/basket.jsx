// Prices of what is in a basket.
import { round, currency as unit } from "./money.js";

export function total(items, { rate = 0.2, ...rest } = {}) {
  const label = `total ${unit(rest)} é`;
  let sum = 0;
  for (const item of items) {
    if (item.count > 0 && !item.gone) {
      sum += item.price * item.count;
    } else {
      console.log("left out", [item.name, { why: 'none' }]);
    }
  }
  return { label, sum: round(sum * (1 + rate)) };
}

class Basket extends Map {
  async add(name, price) {
    switch (name) {
      case "":
        throw new Error("no name");
      default:
        this.set(name, price);
    }
    return [...this.values()].map((it) => it + 1);
  }
}

const view = ({ items }) => (
  <ul className="basket">
    {items.map((it) => <li key={it.name}>{it.price} each</li>)}
  </ul>
);
