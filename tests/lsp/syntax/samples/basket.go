// Package basket knows prices.
package basket

import (
	"errors"
	"fmt"
)

var errNone = errors.New("none")

type Item struct {
	Name  string
	Price float64
}

// Total adds up.
func Total(items []Item, rate float64) (float64, error) {
	if len(items) == 0 {
		return 0, errNone
	}
	sum := 0.0
	for i, item := range items {
		fmt.Println("é", i, item.Name)
		sum += item.Price
	}
	switch note := `raw`; note {
	case "a":
		sum = 1
	default:
		go func() { fmt.Println(note) }()
	}
	return sum * (1 + rate), nil
}
