"""Measures how much two texts share at their beginnings and at their ends."""

from typing import AnyStr


def common_prefix(one: AnyStr, other: AnyStr) -> int:
    """Return the length of the longest common beginning; by halves, for texts are long and comparing them is cheap."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_suffix(one: AnyStr, other: AnyStr) -> int:
    """Return the length of the longest common end."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
