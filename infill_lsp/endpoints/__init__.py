"""Remote servers that fill gaps: one file per API, one each for transport, keys and hosts. None imports torch."""
