"""Open checkpoints for a server: loaded by type, filled at several lengths."""
