"""Published causal code models as this project's encoder: read, tuned, merged, packed."""
