"""Published models by name, size and source; no torch."""
