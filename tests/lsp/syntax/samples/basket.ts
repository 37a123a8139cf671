// Prices of what is in a basket.
import { round, currency as unit } from "./money.js";

export function total(items: Item[], { rate = 0.2, ...rest } = {}) {
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
  async add(name: string, price: number): Promise<number[]> {
    switch (name) {
      case "":
        throw new Error("no name");
      default:
        this.set(name, price);
    }
    return [...this.values()].map((it) => it + 1);
  }
}

interface Item<T = string> {
  name: T;
  price: number;
  count?: number;
  readonly gone: boolean;
}

const prices: Map<string, number> = new Map();
