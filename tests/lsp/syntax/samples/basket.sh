#!/bin/sh
# Prices of what is in a basket.
set -eu

rate=1

total() {
    sum=0
    for price in "$@"; do
        if [ "$price" -gt 100 ]; then
            echo "é: ${price} is dear" >&2
            return 1
        fi
        sum=$((sum + price))
    done
    printf '%s\n' "$sum"
}

case "${1:-}" in
    -h) echo 'Say prices.' ;;
    *) total "$@" | sort ;;
esac
