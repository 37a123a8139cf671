"""Fetches, converts, measures, chooses and offers the larger models. Must not depend on an editor."""
