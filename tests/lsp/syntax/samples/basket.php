<?php

namespace Shop;

/** Prices of what is in a basket. */
final class Basket implements \Countable
{
    private array $items = ['é' => 1.5];

    public function __construct(private float $rate = 0.1)
    {
    }

    public function total(string $name): float
    {
        $sum = 0.0;
        foreach ($this->items as $key => $price) {
            if ($key === $name || $price === null) {
                continue; // free
            }
            $sum += $price;
        }
        $names = array_map(fn ($it) => strtoupper($it), array_keys($this->items));
        echo "There is {$names[0]}\n";

        return $sum * (1 + $this->rate);
    }

    public function count(): int
    {
        return count($this->items);
    }
}
