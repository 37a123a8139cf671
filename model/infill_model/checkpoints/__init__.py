"""Open checkpoints as a server asks them: loaded by what they are, filled at several lengths."""
